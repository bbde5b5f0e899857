import type { StepContext } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { ReplicaSet } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { WorkloadView } from '../view.ts';
import { fenceOf } from './workload-step.ts';

/** Whether revisions besides the Deployment's own and `release` have pods: the controller would choose among them. */
export function isCrowded(view: WorkloadView, release: string): boolean {
  return view.revisions.some(
    ({ id, replicas }) => id !== view.current && id !== release && (replicas ?? 0) > 0,
  );
}

/**
 * Asks the ReplicaSet of a revision that the Deployment no longer makes for `count` pods, where it is asked for more. The
 * Deployment controller never raises such a one again, so which revision's pods end is not left to its order.
 */
export async function scaleSet(
  state: ClusterState,
  view: WorkloadView,
  release: string,
  count: number,
  context: StepContext,
): Promise<void> {
  const revision = view.revisions.find(({ id }) => id === release);
  if (!revision || (revision.replicas ?? 0) <= count) return;
  const written = await fencedWrite<ReplicaSet>({
    cluster: state.cluster,
    path: pathOf('replicasets', state.namespace, revision.object.name),
    fence: fenceOf(context),
    signal: context.signal,
    change: ({ spec }) =>
      (spec.replicas ?? 1) <= count
        ? undefined
        : [
            { op: 'test', path: '/spec/replicas', value: spec.replicas },
            { op: 'replace', path: '/spec/replicas', value: count },
          ],
  });
  state.saw('replicasets', written);
}
