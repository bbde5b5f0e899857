import { isNotFound } from '../../../kubernetes/api-error.ts';
import type { ContainerStatus, Deployment, Pod, Rollout } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../model/error.ts';
import type { ClusterState } from './cluster-state.ts';
import { alivePods, isReady } from './rotation.ts';
import type { WorkloadView } from './view.ts';

/** Reasons for waiting that do not go away by waiting (Kubernetes documentation, "Debug Pods"). */
const STUCK = new Set([
  'ImagePullBackOff',
  'ErrImagePull',
  'ErrImageNeverPull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
]);
const LOG_LINES = 10;

/** Why pods of a revision will not become healthy, with their last log lines; undefined while they still may. */
export async function failureOf(
  state: ClusterState,
  view: WorkloadView,
  revision: string,
  signal: AbortSignal,
): Promise<RollbackError | undefined> {
  const refused = refusedByController(view);
  if (refused) return refused;
  for (const pod of alivePods(view, revision)) {
    if (isReady(pod)) continue;
    const unschedulable = pod.status.conditions?.find(
      ({ type, status, reason }) =>
        type === 'PodScheduled' && status === 'False' && reason === 'Unschedulable',
    );
    if (unschedulable) {
      return error(pod, 'POD_UNSCHEDULABLE', 'cannot be scheduled', sentence(unschedulable.message));
    }
    const statuses = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
    const stuck = statuses.find(isStuck);
    if (stuck) return stuckError(state, pod, stuck, signal);
  }
  return undefined;
}

function isStuck({ state, restartCount }: ContainerStatus): boolean {
  const reason = state?.waiting?.reason;
  if (reason !== undefined && STUCK.has(reason)) return true;
  // A process that ended and was started again once ends again.
  return state?.terminated !== undefined && state.terminated.exitCode !== 0 && restartCount > 0;
}

async function stuckError(
  state: ClusterState,
  pod: Pod,
  { name, state: now, lastState, restartCount }: ContainerStatus,
  signal: AbortSignal,
): Promise<RollbackError> {
  const ended = now?.terminated ?? lastState?.terminated;
  const reason = now?.waiting?.reason ?? now?.terminated?.reason ?? 'unknown';
  if (!ended) {
    const code = /image/i.test(reason) ? 'IMAGE_PULL_FAILED' : 'POD_NOT_STARTED';
    return error(pod, code, `does not start: ${reason}`, sentence(now?.waiting?.message));
  }
  // With `terminationMessagePolicy: FallbackToLogsOnError` the pod itself keeps the last lines.
  const lines = ended.message
    ? linesOf(ended.message)
    : await lastLines(state, pod, name, restartCount > 0 && now?.running === undefined, signal);
  const how = ended.signal ? `signal ${ended.signal}` : `exit code ${ended.exitCode}`;
  const why = `Container ${name} ended with ${how} (${ended.reason ?? reason}), ${restartCount} restarts.`;
  const log = lines.length > 0 ? `\nIts last lines:\n${lines.map((line) => `  ${line}`).join('\n')}` : '';
  return error(pod, 'POD_CRASHED', `does not stay up: ${reason}`, `${why}${log}`);
}

async function lastLines(
  { cluster, namespace }: ClusterState,
  { metadata }: Pod,
  container: string,
  previous: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const query = { container, tailLines: LOG_LINES, ...(previous ? { previous: true } : {}) };
  try {
    const text = await cluster.text(pathOf('pods', namespace, metadata.name, 'log'), { query, signal });
    return linesOf(text);
  } catch (cause) {
    signal.throwIfAborted();
    if (isNotFound(cause)) return [];
    return [`(the log can't be read: ${(cause as Error).message})`];
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-LOG_LINES);
}

/** Quota and admission refuse the ReplicaSet's pods, not the Deployment's patch. */
function refusedByController(view: WorkloadView): RollbackError | undefined {
  if (view.workload.kind !== 'deployment' && view.workload.kind !== 'rollout') return undefined;
  const { status, metadata } = view.object as Deployment | Rollout;
  const failure = status?.conditions?.find(
    ({ type, status: is }) => type === 'ReplicaFailure' && is === 'True',
  );
  // What an earlier generation met says nothing of this one.
  if (!failure || Number(status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return undefined;
  const quota = /exceeded quota/.test(failure.message ?? '');
  return new RollbackError({
    code: quota ? 'QUOTA_EXCEEDED' : 'POD_REFUSED',
    summary: `The cluster refuses a pod of ${metadata.name}`,
    detail: sentence(failure.message),
    fix: quota ? 'Make room in the quota, then run the same command again.' : undefined,
  });
}

function error(pod: Pod, code: string, what: string, detail: string): RollbackError {
  const { name } = pod.metadata;
  return new RollbackError({
    code,
    summary: `Pod ${name} ${what}`,
    detail,
    fix: `Look at it: kubectl describe pod ${name}`,
  });
}

function sentence(text: string | undefined): string {
  const said = text?.trim() || 'No reason was given.';
  return /[.!?]$/.test(said) ? said : `${said}.`;
}
