import type { Rollout } from '../../../../kubernetes/objects.ts';
import { EXIT, RollbackError } from '../../../../model/error.ts';
import type { Instance, PlatformFacts } from '../../../../model/facts.ts';
import { instanceOf } from '../facts.ts';
import { fieldsBefore, type HeldFields } from '../held.ts';
import { type OwnWorkload, ownFacts } from '../own-facts.ts';
import { type Claims, runsAlone } from '../preflight/downtime.ts';
import { revisionOfPod } from '../read-view.ts';
import { alivePods } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { refuseUnrouted, startsFirst, strategiesOf } from './read-rollout.ts';

/** On a ReplicaSet that a blue-green Rollout was switched away from: when its pods end, RFC 3339. */
const DEADLINE = 'scale-down-deadline';

/**
 * The facts of a service that is a Rollout: the stable release is the current one, and what is being
 * rolled out beside it is its canary. While a run holds the Rollout its template says which release it is set to. Pure.
 * @throws RollbackError `ROLLOUT_UNSUPPORTED` (exit 2)
 */
export function withRollout(
  facts: PlatformFacts,
  { views, singleton, claims }: { views: WorkloadView[]; singleton: boolean; claims: Claims },
): PlatformFacts {
  const view = views.find(({ workload }) => workload.kind === 'rollout');
  if (!view) return facts;
  if (views.length > 1) throw notAlone(view);
  const rollout = view.object as Rollout;
  refuseUnrouted(rollout);
  refuseAlone(view, runsAlone(view, { singleton }, claims));
  const stable = stableBeside(view);
  const own = ownFacts(facts);
  const [workload] = own.workloads as [OwnWorkload];
  const isHeld = fieldsBefore(rollout) !== undefined;
  const instances = stable === undefined ? facts.instances : withCanaryAbove(facts, view, stable);
  return {
    ...facts,
    ...(stable !== undefined && !isHeld && { current: stable, canary: view.current }),
    own: { ...own, workloads: [{ ...workload, startsFirst: startsFirst(rollout) }] },
    instances: instances.map((instance) => keptWarm(view, instance)),
    strategies: strategiesOf(rollout, stable !== undefined),
  };
}

/**
 * Pods of the stable revision in the last slots: what is missing of them comes to the first ones, and leaves from there.
 * Others are above all slots.
 */
function withCanaryAbove({ desired }: PlatformFacts, view: WorkloadView, stable: string): Instance[] {
  const others = [...new Set(view.pods.map(revisionOfPod))].filter((id) => id !== stable);
  const pods = [...alivePods(view, stable)].reverse();
  const first = Math.max(1, desired - pods.length + 1);
  return [
    ...pods.map((pod, i) => instanceOf(view, pod, first + i)),
    ...others.flatMap((id) => alivePods(view, id)).map((pod, i) => instanceOf(view, pod, desired + i + 1)),
  ];
}

/** The stable revision, where another one is being rolled out beside it, or was when the run began. */
function stableBeside({ object, current, revisions }: WorkloadView): string | undefined {
  const { spec, status } = object as Rollout;
  const hash = spec.strategy.blueGreen ? status?.blueGreen?.activeSelector : status?.stableRS;
  const stable = revisions.find(({ id }) => id === hash)?.id;
  const before = fieldsBefore<HeldFields>(object);
  if (stable === undefined || current === undefined) return undefined;
  const beside = before ? before.template : current;
  if (beside === stable) return undefined;
  // A run to a third one counts as any other does.
  return current === stable || current === beside ? stable : undefined;
}

/** What a blue-green Rollout was switched away from runs on until its deadline. */
function keptWarm(view: WorkloadView, instance: Instance): Instance {
  const pod = view.pods.find(({ metadata }) => metadata.name === instance.id);
  const revision = pod && view.revisions.find(({ id }) => id === revisionOfPod(pod));
  const until = revision?.object.annotations?.[DEADLINE];
  return instance.inRotation || until === undefined ? instance : { ...instance, warmUntil: until };
}

function refuseAlone({ workload }: WorkloadView, why: string | undefined): void {
  if (why === undefined) return;
  throw new RollbackError({
    code: 'ROLLOUT_UNSUPPORTED',
    summary: `No new pod of rollout/${workload.name} may run beside an old one`,
    detail: `${why} A Rollout starts new pods beside the old ones.`,
    exit: EXIT.usage,
  });
}

function notAlone({ workload }: WorkloadView): RollbackError {
  return new RollbackError({
    code: 'ROLLOUT_UNSUPPORTED',
    summary: `rollout/${workload.name} is one of several workloads of its service`,
    detail: 'A Rollout is moved as a service of its own.',
    fix: `Name it alone: rollback-deploy-auto rollout/${workload.name}`,
    exit: EXIT.usage,
  });
}
