import type { PlatformFacts } from '../../../model/facts.ts';
import type { Move } from '../../../model/move.ts';
import type { PlannedStep, SurroundingSteps } from '../../../model/plan.ts';
import { withCanary } from './canary/canary-facts.ts';
import { expandCanary, surroundCanary } from './canary/expand-canary.ts';
import { findCanary } from './canary/find-canary.ts';
import { findRouteCanary, splitRoutes } from './canary/route-canary.ts';
import type { Collections } from './collections.ts';
import { aloneOf } from './expand.ts';
import { ownFacts } from './own-facts.ts';
import { expandPair, surroundPair } from './pair/expand-pair.ts';
import { findPair } from './pair/find-pair.ts';
import { pairFacts } from './pair/pair-facts.ts';
import { pairAmong } from './pair/pair-state.ts';
import type { KubernetesSettings } from './settings.ts';
import type { WorkloadView } from './view.ts';

export interface BesideInput {
  facts: PlatformFacts;
  all: Collections;
  /** Of the configured workloads. */
  views: WorkloadView[];
  settings: KubernetesSettings;
  nowMs: number;
}

/** The facts with what stands beside the workloads and belongs to them: a canary, or the other one of a blue-green pair. Pure. */
export function factsBeside({ facts, all, views, settings, nowMs }: BesideInput): PlatformFacts {
  const main = views[0] as WorkloadView;
  const pair = pairAmong(views, (view) => findPair(all, view));
  if (pair) {
    // The two are moved as one.
    const { parts: _, together: __, ...service } = facts;
    return pairFacts(service, pair, main.workload.name, nowMs);
  }
  const canary = canaryOf(all, main, settings);
  if (!canary) return facts;
  const split = { all, routes: splitRoutes(all, main, canary), nowMs };
  const [first, ...others] = facts.parts ?? [];
  if (!first) return withCanary(facts, canary, split);
  const beside = withCanary(aloneOf(facts, first.name), canary, split);
  const { instances, releases, own } = beside;
  const added = instances.filter((instance) => !first.instances.includes(instance));
  return {
    ...facts,
    canary: beside.canary,
    releases: [...releases.filter((release) => !first.releases.includes(release)), ...facts.releases],
    instances: [...facts.instances, ...added.map((instance) => ({ ...instance, part: first.name }))],
    parts: [{ ...first, instances, releases }, ...others],
    own: { ...ownFacts(facts), canary: ownFacts({ own }).canary },
  };
}

/** The workload that takes a part of the traffic of `main`, by its count of pods or by weights. Pure. */
export function canaryOf(
  all: Collections,
  main: WorkloadView,
  settings: Pick<KubernetesSettings, 'canary'>,
): WorkloadView | undefined {
  return findCanary(all, main, settings.canary) ?? findRouteCanary(all, main);
}

/** The steps of a move of what stands beside the workloads; undefined for a move of the workloads themselves. Pure. */
export function expandBeside(
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] | undefined {
  return expandPair(move, facts, settings) ?? expandCanary(move, facts, settings);
}

/** The same for what is set up before the moves and put back after them; a canary belongs to the first workload. Pure. */
export function surroundBeside(
  moves: Move[],
  facts: PlatformFacts,
  earlier: PlannedStep[],
  around: SurroundingSteps,
): SurroundingSteps {
  const [first] = facts.parts ?? [];
  const own = first && around.parts?.[first.name];
  if (!first || !own)
    return surroundPair(moves, facts, earlier, surroundCanary(moves, facts, earlier, around));
  const mine = moves.filter(({ part }) => part === first.name);
  const beside = surroundCanary(mine, aloneOf(facts, first.name), earlier, own);
  return { ...around, parts: { ...around.parts, [first.name]: beside } };
}
