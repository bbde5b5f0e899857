import type { StepContext } from '../../../../engine/step.ts';
import { isNotFound } from '../../../../kubernetes/api-error.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { Deployment, ReplicaSet } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { HELD_MIN_READY_S } from '../held.ts';
import { sameTemplate } from '../read-view.ts';
import type { WorkloadName, WorkloadView } from '../view.ts';
import { fenceOf } from './workload-step.ts';

/**
 * Sees to it that no pod of a revision counts as available before its template is the Deployment's. In the very pass in
 * which the controller finds that template it still believes what the ReplicaSet said last: with pods that were
 * available until then, also with such as have ended since, it would at once end as many others, which serve.
 */
export async function holdAvailability(
  state: ClusterState,
  view: WorkloadView,
  release: string,
  context: StepContext,
): Promise<void> {
  const revision = view.revisions.find(({ id }) => id === release);
  // The controller itself sets the ReplicaSet that it already makes pods with.
  if (!revision || sameTemplate(revision.template, view.object.spec.template)) return;
  if ((revision.replicas ?? 0) > 0) await holdSet(state, revision.object.name, context);
  await untilNoneCounts(state, view.workload, release, context);
}

async function holdSet(state: ClusterState, name: string, context: StepContext): Promise<void> {
  try {
    const set = await fencedWrite<ReplicaSet>({
      cluster: state.cluster,
      path: pathOf('replicasets', state.namespace, name),
      fence: fenceOf(context),
      signal: context.signal,
      change: ({ spec }) =>
        spec.minReadySeconds === HELD_MIN_READY_S
          ? undefined
          : [{ op: 'add', path: '/spec/minReadySeconds', value: HELD_MIN_READY_S }],
    });
    state.saw('replicasets', set);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function untilNoneCounts(
  state: ClusterState,
  workload: WorkloadName,
  release: string,
  { signal }: StepContext,
): Promise<void> {
  for (;;) {
    const view = await state.view(workload, signal);
    const { available = 0 } = view.revisions.find(({ id }) => id === release) ?? {};
    if (available === 0 && isCounted(view)) return;
    await state.change(100, signal);
  }
}

/** Whether the Deployment's status is the sum of what its ReplicaSets say: then its controller has seen that. */
function isCounted({ object, revisions }: WorkloadView): boolean {
  const counted = (object as Deployment).status?.availableReplicas ?? 0;
  return counted === revisions.reduce((sum, { available = 0 }) => sum + available, 0);
}
