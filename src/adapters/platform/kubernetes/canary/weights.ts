import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import type { BackendReference, HttpRoute } from '../../../../kubernetes/http-route.ts';

/** The rules of an HTTPRoute that share traffic between stable and canary. */
export interface SplitRoute {
  name: string;
  rules: SplitRule[];
}

export interface SplitRule {
  /** Its place in `spec.rules`. */
  rule: number;
  stable: Backend;
  canary: Backend;
}

/** One of a rule's backends. */
export interface Backend {
  /** Name of the Service. */
  service: string;
  /** Its place in `backendRefs`. */
  at: number;
  weight: number;
}

/** Weights of stable and canary. */
export type Weights = [stable: number, canary: number];

export function weightOf({ weight = 1 }: BackendReference): number {
  return weight;
}

/** What a rule's weights are now; undefined where it no longer has those Services in those places. */
export function weightsIn({ spec }: HttpRoute, { rule, stable, canary }: SplitRule): Weights | undefined {
  const refs = spec.rules?.[rule]?.backendRefs ?? [];
  const [one, other] = [refs[stable.at], refs[canary.at]];
  if (one?.name !== stable.service || other?.name !== canary.service) return undefined;
  return [weightOf(one), weightOf(other)];
}

export function weightsOf({ stable, canary }: SplitRule): Weights {
  return [stable.weight, canary.weight];
}

/** What a rule has once the canary's part goes to the stable one. */
export function shifted([stable, canary]: Weights): Weights {
  return [stable + canary, 0];
}

export function sameWeights(a: Weights, b: Weights): boolean {
  return a[0] === b[0] && a[1] === b[1];
}

/** Sets a rule's weights, only where each of the two backends still is as it was read. */
export function weightOperations(
  { spec }: HttpRoute,
  { rule, stable, canary }: SplitRule,
  [toStable, toCanary]: Weights,
): PatchOperation[] {
  const refs = spec.rules?.[rule]?.backendRefs ?? [];
  return [
    { at: stable.at, weight: toStable },
    { at: canary.at, weight: toCanary },
  ].flatMap(({ at, weight }): PatchOperation[] => {
    const path = `/spec/rules/${rule}/backendRefs/${at}`;
    return [
      { op: 'test', path, value: refs[at] },
      { op: 'add', path: `${path}/weight`, value: weight },
    ];
  });
}

/** `rule 1 of httproute/api`, as people count. */
export function ruleText(route: string, { rule }: SplitRule): string {
  return `rule ${rule + 1} of httproute/${route}`;
}
