import { createHash } from 'node:crypto';
import type { Step, StepContext } from '../../../engine/step.ts';
import { ApiError } from '../../../kubernetes/api-error.ts';
import { FIELD_MANAGER } from '../../../kubernetes/names.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import type { ClusterState } from './cluster-state.ts';
import { versionOf } from './release-of.ts';
import type { CountInput, WorkloadInput } from './steps/workload-step.ts';
import { workloadOf } from './steps/workload-step.ts';
import type { WorkloadView } from './view.ts';

/** What a step knows of the run it belongs to, for those who read the workload's events. */
export interface Story {
  /** Revision and version that the run started from. */
  from: { id: string; version: string };
  /** Of the plan in force; that of `from` where it goes back, or only puts back what another run left. */
  to: { id: string; version: string };
  /** Whether this plan goes on or back from an earlier one of the run. */
  again: boolean;
}

type Told = 'hold-traffic' | 'switch-selector' | 'put-back';
type ToldInput = WorkloadInput & { story?: Story };

interface Said {
  reason: string;
  message: string;
}

/** Longest time that a write of an event may take, ms. */
const WRITE_MS = 5_000;

/**
 * Writes what a step did as an event on its workload, so that `kubectl describe` tells the story. It is a courtesy: nothing
 * waits for it, and where it is refused that is said as progress, once.
 */
export function eventTeller(
  state: ClusterState,
): <I extends ToldInput, O>(kind: Told, step: Step<I, O>) => Step<I, O> {
  let refused = false;

  async function tell(kind: Told, input: ToldInput, context: StepContext): Promise<void> {
    const view = await state.view(workloadOf(input), AbortSignal.timeout(WRITE_MS));
    const said = saidOf(kind, input, view, context.runId);
    if (!said || refused) return;
    const { cluster, namespace } = state;
    const body = eventOf(view, said, namespace, context);
    await cluster.create(pathOf('events', namespace), body, { signal: AbortSignal.timeout(WRITE_MS) });
  }

  return (kind, step) => ({
    observe: (input, context) => step.observe(input, context),
    async apply(input, context) {
      const output = await step.apply(input, context);
      tell(kind, input, context).catch((error: unknown) => {
        // Written before by a client that was cut off.
        if (refused || (error instanceof ApiError && error.status === 409)) return;
        refused = true;
        context.progress(`no event is written: ${(error as Error).message}`);
      });
      return output;
    },
  });
}

function saidOf(kind: Told, input: ToldInput, view: WorkloadView, runId: string): Said | undefined {
  const { story } = input;
  if (kind === 'switch-selector') {
    const { release } = input as CountInput;
    const template = view.revisions.find(({ id }) => id === release)?.template;
    const names = view.services.map(({ metadata }) => metadata.name).join(', ');
    const version = template ? versionOf(template) : release;
    return { reason: 'TrafficSwitched', message: `Run ${runId}: all traffic of ${names} goes to ${version}` };
  }
  if (!story) return undefined;
  const { from, to, again } = story;
  if (kind === 'hold-traffic') {
    const message =
      from.id === to.id
        ? `Run ${runId}: putting back what an earlier run left, with ${to.version}`
        : `Run ${runId}: rolling back from ${from.version} to ${to.version}`;
    return { reason: 'RollbackStarted', message };
  }
  if (again && from.id === to.id) {
    return { reason: 'RollbackReturned', message: `Run ${runId}: back on ${to.version}, where it started` };
  }
  return { reason: 'RollbackFinished', message: `Run ${runId}: all pods are of ${to.version}` };
}

/** Kubernetes API, Event v1. */
function eventOf(
  { object, workload }: WorkloadView,
  { reason, message }: Said,
  namespace: string,
  { runId, clock }: StepContext,
): object {
  const at = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  const name = createHash('sha256').update(`${workload.kind} ${runId} ${reason} ${message}`).digest('hex');
  const kinds = {
    deployment: 'Deployment',
    statefulset: 'StatefulSet',
    daemonset: 'DaemonSet',
    rollout: 'Rollout',
  };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    // The same event written again is refused as there already.
    metadata: { name: `${workload.name}.${name.slice(0, 16)}`, namespace },
    involvedObject: {
      apiVersion: workload.kind === 'rollout' ? 'argoproj.io/v1alpha1' : 'apps/v1',
      kind: kinds[workload.kind],
      name: workload.name,
      namespace,
      uid: object.metadata.uid,
    },
    type: 'Normal',
    reason,
    message,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
    source: { component: FIELD_MANAGER },
    reportingComponent: FIELD_MANAGER,
    reportingInstance: runId,
  };
}
