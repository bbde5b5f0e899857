import type { KubernetesObject, LabelSelector } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { workloadText } from '../view.ts';
import { findingOf } from './finding-of.ts';
import type { PreflightInput } from './input.ts';
import { matchesSelector } from './matches-selector.ts';

interface Budget extends KubernetesObject {
  spec: { selector?: LabelSelector; minAvailable?: number | string; maxUnavailable?: number | string };
  status?: { disruptionsAllowed?: number; currentHealthy?: number; desiredHealthy?: number };
}

/** Disruption budgets over the workloads' pods. They hold for evictions, not for what a controller removes. */
export async function budgetFindings({
  cluster,
  namespace,
  views,
  signal,
}: PreflightInput): Promise<Finding[]> {
  const { items } = await cluster.list<Budget>(pathOf('poddisruptionbudgets', namespace), { signal });
  return views.flatMap((view) => {
    const labels = view.object.spec.template.metadata?.labels ?? {};
    return items
      .filter(({ spec }) => spec.selector !== undefined && matchesSelector(spec.selector, labels))
      .map(({ metadata, status = {} }) => {
        const title = `poddisruptionbudget/${metadata.name} covers ${workloadText(view.workload)}; the rollback does not consult it`;
        const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status;
        return findingOf('capacity', 'ok', title, {
          evidence: [
            `It allows ${disruptionsAllowed} evictions now: ${currentHealthy} pods are healthy, ${desiredHealthy} must be.`,
            "Old pods are removed by the workload's own controller, not evicted.",
          ],
        });
      });
  });
}
