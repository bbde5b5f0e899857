import type { Collections } from '../collections.ts';
import { hasLabels, originalSelector, viewOf } from '../read-view.ts';
import { parseWorkload, type WorkloadView } from '../view.ts';

/**
 * The Deployment that takes a part of the traffic of `main` as its canary: the configured one, else the only other one
 * that calls itself a canary (in its name or in a label of its pods) while `main` does not, and whose Services all
 * select the pods of `main`, too. Merely sharing a Service proves nothing: either one could be the canary, or neither.
 * Also found while it has no pods. Pure.
 */
export function findCanary(
  all: Collections,
  main: WorkloadView,
  configured: string | undefined,
): WorkloadView | undefined {
  if (configured !== undefined) return viewOf(parseWorkload(configured), all);
  if (main.workload.kind !== 'deployment' || main.services.length === 0 || saysCanary(main)) return undefined;
  const found = all.deployments
    .filter(({ metadata }) => metadata.name !== main.workload.name)
    .filter(({ spec }) => sharesAService(main, spec.template.metadata?.labels ?? {}))
    .flatMap(({ metadata }) => viewOf({ kind: 'deployment', name: metadata.name }, all) ?? [])
    .filter((view) => saysCanary(view) && view.services.every((service) => isOf(main, service)));
  return found.length === 1 ? found[0] : undefined;
}

function sharesAService({ services }: WorkloadView, labels: Record<string, string>): boolean {
  return services.some((service) => hasLabels(originalSelector(service), labels));
}

function isOf({ services }: WorkloadView, { metadata }: WorkloadView['services'][number]): boolean {
  return services.some((service) => service.metadata.uid === metadata.uid);
}

export function saysCanary({ workload, object }: WorkloadView): boolean {
  const words = [workload.name, ...Object.values(object.spec.template.metadata?.labels ?? {})];
  return words.some((word) => /\bcanary\b/i.test(word));
}
