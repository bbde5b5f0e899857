import type { BackendReference, HttpRoute } from '../../../../kubernetes/http-route.ts';
import type { Service } from '../../../../kubernetes/objects.ts';
import type { Collections } from '../collections.ts';
import { hasLabels, originalSelector, viewOf } from '../read-view.ts';
import type { WorkloadView } from '../view.ts';
import { saysCanary } from './find-canary.ts';
import { type SplitRoute, type SplitRule, weightOf } from './weights.ts';

/**
 * The Deployment that HTTPRoutes send a part of the traffic of `main` to: where rules name just two Services, one of which
 * selects the pods of `main`, the other those of exactly one other Deployment that calls itself a canary while `main`
 * does not. All such rules must mean the same one. Pure.
 */
export function findRouteCanary(all: Collections, main: WorkloadView): WorkloadView | undefined {
  if (main.workload.kind !== 'deployment' || saysCanary(main)) return undefined;
  const found = new Map<string, WorkloadView>();
  for (const { spec, metadata } of all.httproutes) {
    for (const { backendRefs = [] } of spec.rules ?? []) {
      const services = backendRefs.map((ref) => serviceOf(all, ref, metadata.namespace));
      const others = services.filter((service) => service && !isOf(main, service));
      const [other] = others;
      if (services.length !== 2 || others.length !== 1 || !other || services.includes(undefined)) continue;
      const selected = all.deployments.filter((one) =>
        hasLabels(originalSelector(other), one.spec.template.metadata?.labels ?? {}),
      );
      const [canary] = selected;
      if (!canary || selected.length > 1) continue;
      const view = viewOf({ kind: 'deployment', name: canary.metadata.name }, all);
      if (view && saysCanary(view) && splitRoutes(all, main, view).length > 0)
        found.set(canary.metadata.name, view);
    }
  }
  return found.size === 1 ? [...found.values()][0] : undefined;
}

/** The rules that share traffic between the two: one backend selects the pods of one only, one those of the other. Pure. */
export function splitRoutes(all: Collections, main: WorkloadView, canary: WorkloadView): SplitRoute[] {
  return all.httproutes.flatMap((route) => {
    const rules = (route.spec.rules ?? []).flatMap(({ backendRefs = [] }, rule): SplitRule[] => {
      const to = (view: WorkloadView, not: WorkloadView) =>
        backendRefs.flatMap((ref, at) => {
          const service = serviceOf(all, ref, route.metadata.namespace);
          if (!service || !isOf(view, service) || isOf(not, service)) return [];
          return [{ service: ref.name, at, weight: weightOf(ref) }];
        });
      const [stable, ...moreStable] = to(main, canary);
      const [part, ...moreParts] = to(canary, main);
      if (!stable || !part || moreStable.length > 0 || moreParts.length > 0) return [];
      return [{ rule, stable, canary: part }];
    });
    return rules.length > 0 ? [{ name: route.metadata.name, rules }] : [];
  });
}

/** Rules that send to the canary and whose weights cannot be moved to the stable one, e.g. `rule 2 of httproute/api`. Pure. */
export function otherRules(routes: readonly HttpRoute[], split: SplitRoute[]): string[] {
  const services = new Set(split.flatMap(({ rules }) => rules.map(({ canary }) => canary.service)));
  return routes.flatMap(({ spec, metadata }) => {
    const moved = split.find(({ name }) => name === metadata.name)?.rules.map(({ rule }) => rule) ?? [];
    return (spec.rules ?? []).flatMap(({ backendRefs = [] }, rule) => {
      const sends = backendRefs.some((ref) => services.has(ref.name) && weightOf(ref) > 0);
      return sends && !moved.includes(rule) ? [`rule ${rule + 1} of httproute/${metadata.name}`] : [];
    });
  });
}

function serviceOf(
  all: Collections,
  { group = '', kind = 'Service', name, namespace }: BackendReference,
  own: string | undefined,
): Service | undefined {
  if (group !== '' || kind !== 'Service' || (namespace !== undefined && namespace !== own)) return undefined;
  return all.services.find(({ metadata }) => metadata.name === name);
}

function isOf({ services }: WorkloadView, { metadata }: Service): boolean {
  return services.some((service) => service.metadata.uid === metadata.uid);
}
