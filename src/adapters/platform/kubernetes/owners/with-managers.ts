import type { Cluster } from '../../../../kubernetes/cluster.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import { resourceOf, type WorkloadView } from '../view.ts';

/**
 * The views with who wrote which fields: what is kept of watched objects leaves that out. One read a workload.
 * @throws ApiError
 */
export async function withManagers(
  cluster: Cluster,
  views: WorkloadView[],
  signal: AbortSignal,
): Promise<WorkloadView[]> {
  return Promise.all(
    views.map(async (view) => {
      const { name, namespace } = view.object.metadata;
      const path = pathOf(resourceOf(view.workload.kind), namespace, name);
      return { ...view, object: await cluster.get<WorkloadView['object']>(path, { signal }) };
    }),
  );
}
