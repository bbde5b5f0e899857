import type { StepContext } from '../../../../engine/step.ts';
import { isPreconditionFailed } from '../../../../kubernetes/api-error.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { EPOCH_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { Rollout } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { WorkloadView } from '../view.ts';

/**
 * Sets one of the fields of a Rollout's status that are orders to its controller (as `kubectl argo rollouts` does). The
 * Rollout must have been written under this run's lease before, which is tested.
 * @throws RollbackError `OBJECT_CONTENDED` (retriable)
 */
export async function writeStatus(
  state: ClusterState,
  { object, workload }: WorkloadView,
  { epoch, signal }: StepContext,
  order: 'abort' | 'promoteFull',
): Promise<void> {
  const operations: PatchOperation[] = [
    { op: 'test', path: '/metadata/uid', value: object.metadata.uid },
    {
      op: 'test',
      path: `/metadata/annotations/${pointerPart(EPOCH_ANNOTATION)}`,
      value: String(epoch),
    },
    { op: 'add', path: `/status/${order}`, value: true },
  ];
  try {
    const path = pathOf('rollouts', state.namespace, workload.name, 'status');
    state.saw('rollouts', await state.cluster.patch<Rollout>(path, operations, { signal }));
  } catch (error) {
    if (!isPreconditionFailed(error)) throw error;
    throw new RollbackError({
      code: 'OBJECT_CONTENDED',
      summary: `rollout/${workload.name} was changed by somebody else just now`,
      retriable: true,
      cause: error,
    });
  }
}
