import type { StepContext } from '../../../../engine/step.ts';
import { isNotFound } from '../../../../kubernetes/api-error.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { ReplicaSet } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { HELD_MIN_READY_S } from '../held.ts';
import { sameTemplate } from '../read-view.ts';
import type { WorkloadView } from '../view.ts';
import { fenceOf } from './workload-step.ts';

/**
 * Sees to it that no pod of a revision counts as available before its template is the Deployment's. In the very pass in
 * which the controller finds that template it still believes what the ReplicaSet said last: with pods that were
 * available until then it would at once end as many others, which serve.
 */
export async function holdAvailability(
  state: ClusterState,
  view: WorkloadView,
  release: string,
  context: StepContext,
): Promise<void> {
  const revision = view.revisions.find(({ id }) => id === release);
  if (!revision || (revision.replicas ?? 0) === 0) return;
  // The controller itself sets the ReplicaSet that it already makes pods with.
  if (sameTemplate(revision.template, view.object.spec.template)) return;
  const { cluster, namespace } = state;
  const { signal } = context;
  const path = pathOf('replicasets', namespace, revision.object.name);
  try {
    let set = await fencedWrite<ReplicaSet>({
      cluster,
      path,
      fence: fenceOf(context),
      signal,
      change: ({ spec }) =>
        spec.minReadySeconds === HELD_MIN_READY_S
          ? undefined
          : [{ op: 'add', path: '/spec/minReadySeconds', value: HELD_MIN_READY_S }],
    });
    while ((set.status?.availableReplicas ?? 0) > 0) {
      await state.change(100, signal);
      set = await cluster.get<ReplicaSet>(path, { signal });
    }
    state.saw('replicasets', set);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
