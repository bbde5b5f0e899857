import { ApiError } from '../../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import type { WorkloadView } from '../view.ts';
import type { ReconcilerName } from './owner.ts';
import { ownersOf } from './owners-of.ts';
import { readReconciler } from './reconciler-findings.ts';
import { isActive } from './reconciler-object.ts';
import { suspensionOf } from './suspension.ts';
import { withManagers } from './with-managers.ts';

/**
 * The reconcilers that a plan has to suspend and resume: those that would write the workloads now, and those that the
 * product left suspended. One that can't be read is left out: `ownershipFindings` says so, and stops.
 * @throws ApiError where a workload can't be read
 */
export async function reconcilersOf(
  cluster: Cluster,
  views: WorkloadView[],
  signal: AbortSignal,
): Promise<ReconcilerName[]> {
  const written = await withManagers(cluster, views, signal);
  const owners = ownersOf(written, { autoscalers: [], scaledObjects: [], helmReleases: new Map() });
  const found = new Map<string, ReconcilerName>();
  for (const owner of owners) {
    if (owner.kind !== 'reconciler') continue;
    const read = await readReconciler({ cluster, signal }, owner.reconciler).catch((error) => {
      signal.throwIfAborted();
      if (error instanceof ApiError) return undefined;
      throw error;
    });
    if (!read || !(isActive(read.name.kind, read.object) || suspensionOf(read.object))) continue;
    const { kind, namespace, name } = read.name;
    found.set(`${kind}/${namespace}/${name}`, read.name);
  }
  return [...found.values()];
}
