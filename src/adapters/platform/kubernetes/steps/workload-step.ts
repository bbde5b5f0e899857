import type { Observation, StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import type { Fence } from '../../../../kubernetes/fenced-write.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { Deployment, Pod } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { isHeldBy, pacedOperations, paceOf } from '../held.ts';
import { placeOf } from '../places.ts';
import { desiredOf } from '../release-of.ts';
import { alivePods } from '../rotation.ts';
import { parseWorkload, type WorkloadName, type WorkloadView } from '../view.ts';

/** Every step names its workload, e.g. `deployment/api`. */
export interface WorkloadInput {
  workload: string;
}

/** Steps that only look at the pods in some places, see `placeOf`. */
export interface PlacesInput extends WorkloadInput {
  /** Default: all there are. */
  places?: string[];
}

/** Steps that bring pods of a revision to a count, whatever their names. */
export interface CountInput extends PlacesInput {
  /** Id of the revision. */
  release: string;
  /** How many pods there shall be, in the words of each step. */
  count: number;
  /** How many the workload was asked for when the plan was made; counts rest on it. */
  replicas?: number;
  /**
   * Pods that a quota has room for beside them, those that are ending counted until they are gone. Default: no bound is
   * known.
   */
  beside?: number;
}

export function fenceOf({ runId, epoch }: StepContext): Fence {
  return { runId, epoch };
}

export function workloadOf({ workload }: WorkloadInput): WorkloadName {
  return parseWorkload(workload);
}

/** The Deployment of a view. @throws TypeError for another kind: the plan has a step that does not fit it */
export function deploymentOf(view: WorkloadView): Deployment {
  if (view.workload.kind !== 'deployment') throw new TypeError(`${view.workload.name} is no Deployment.`);
  return view.object as Deployment;
}

type Conflict = Extract<Observation<never>, { state: 'conflict' }>;

/**
 * What keeps a step from its work: the workload is no longer held by this run, has another template or was scaled.
 * @param revisions that the run knows; undefined where any will do
 */
export function conflictOf(
  view: WorkloadView,
  context: StepContext,
  revisions: string[] | undefined,
  planned?: number,
): Conflict | undefined {
  const { name } = view.workload;
  if (!isHeldBy(view.object, context.runId)) {
    return { state: 'conflict', why: `${name} is no longer marked as moved by this run.` };
  }
  if (revisions && view.current !== undefined && !revisions.includes(view.current)) {
    const why = `Somebody gave ${name} another template (revision ${view.current}).`;
    return { state: 'conflict', why, otherwise: true };
  }
  const now = desiredOf(view);
  if (planned !== undefined && now !== planned) {
    return { state: 'conflict', why: `${name} was scaled from ${planned} to ${now} pods.` };
  }
  return undefined;
}

/** Leaves a wait that rests on what is no longer so; the next look says what it is. */
export function leaveOn(conflict: Conflict | undefined): void {
  if (!conflict) return;
  throw new RollbackError({
    code: 'WORKLOAD_CHANGED',
    summary: conflict.why.replace(/\.$/, ''),
    retriable: true,
  });
}

/** Pods of the step's revision in its places that nobody has asked to end, in the order in which they serve. */
export function podsOf(
  view: WorkloadView,
  { release, places }: PlacesInput & { release: string },
): readonly Pod[] {
  const alive = alivePods(view, release);
  return places ? alive.filter((pod) => places.includes(placeOf(view, pod) ?? '')) : alive;
}

/** Writes the workload as it is known, under the run's fence. */
export async function writeWorkload(
  state: ClusterState,
  view: WorkloadView,
  context: StepContext,
  change: (object: WorkloadView['object']) => PatchOperation[] | undefined,
  last = false,
): Promise<void> {
  const { cluster, namespace } = state;
  const resource = `${view.workload.kind}s` as 'deployments' | 'statefulsets' | 'daemonsets' | 'rollouts';
  const written = await fencedWrite<WorkloadView['object']>({
    cluster,
    path: pathOf(resource, namespace, view.workload.name),
    known: view.object,
    fence: fenceOf(context),
    change,
    last,
    signal: context.signal,
  });
  state.saw(resource, written);
}

/** Writes the Deployment as it is known, under the run's fence. */
export async function writeDeployment(
  state: ClusterState,
  view: WorkloadView,
  context: StepContext,
  change: (deployment: Deployment) => PatchOperation[] | undefined,
): Promise<void> {
  deploymentOf(view);
  await writeWorkload(state, view, context, (object) => change(object as Deployment));
}

/** Raises the pace where it is lower; the other figure stays. @param mostSurge lowers it where it is higher */
export async function paceUp(
  state: ClusterState,
  view: WorkloadView,
  context: StepContext,
  least: { surge?: number; unavailable?: number },
  mostSurge = Number.POSITIVE_INFINITY,
): Promise<void> {
  await writeDeployment(state, view, context, (deployment) => {
    const now = paceOf(deployment);
    if (!now) return undefined;
    const next = {
      surge: Math.min(mostSurge, Math.max(now.surge, least.surge ?? 0)),
      unavailable: Math.max(now.unavailable, least.unavailable ?? 0),
    };
    if (next.surge === now.surge && next.unavailable === now.unavailable) return undefined;
    return [
      { op: 'test', path: '/spec/strategy', value: deployment.spec.strategy },
      ...pacedOperations(deployment, next),
    ];
  });
}

/**
 * Takes back the leave to end pods once it was used: should somebody put another template in now, the controller would
 * take it for pods that serve, since none of them counts as available.
 */
export async function paceDown(state: ClusterState, view: WorkloadView, context: StepContext): Promise<void> {
  await writeDeployment(state, view, context, (deployment) => {
    const now = paceOf(deployment);
    if (!now || now.unavailable === 0) return undefined;
    return [
      { op: 'test', path: '/spec/strategy', value: deployment.spec.strategy },
      ...pacedOperations(deployment, { surge: now.surge, unavailable: 0 }),
    ];
  });
}

export async function writePod(
  state: ClusterState,
  pod: Pod,
  context: StepContext,
  change: (pod: Pod) => PatchOperation[] | undefined,
): Promise<void> {
  const { cluster, namespace } = state;
  const written = await fencedWrite({
    cluster,
    path: pathOf('pods', namespace, pod.metadata.name),
    known: pod,
    fence: fenceOf(context),
    change,
    signal: context.signal,
  });
  state.saw('pods', written);
}

/** Runs `work` on each, a few at a time. */
export async function eachOf<T>(
  all: readonly T[],
  work: (one: T) => Promise<void>,
  atOnce = 16,
): Promise<void> {
  const left = [...all];
  const worker = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, worker));
}
