import type { HttpRoute } from '../../../../kubernetes/http-route.ts';
import {
  BEFORE_ANNOTATION,
  EPOCH_ANNOTATION,
  OUT_SINCE_ANNOTATION,
  RUN_ANNOTATION,
} from '../../../../kubernetes/names.ts';
import type { NeededRight } from '../../../../kubernetes/rights.ts';
import type { Finding } from '../../../../model/finding.ts';
import type { Leftover } from '../../platform.ts';
import type { Collections } from '../collections.ts';
import { findingOf } from '../preflight/finding-of.ts';
import type { PlannedPatch } from '../preflight/input.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { WorkloadView } from '../view.ts';
import { blindMs } from './quiet.ts';
import type { RouteAccess } from './route-access.ts';
import { otherRules, splitRoutes } from './route-canary.ts';
import { shiftOperations } from './shift-weights.ts';
import { takenUp } from './taken-up.ts';
import type { SplitRoute } from './weights.ts';

/** Rights on HTTPRoutes are needed where weights are to be moved, and missed where it is not known whether any are. */
export function routeNeeds(needs: NeededRight[], access: RouteAccess, routes: SplitRoute[]): NeededRight[] {
  const moved = routes.length > 0;
  return needs
    .filter(({ feature }) => feature !== 'gateway' || moved || access === 'refused')
    .map((right) => (right.feature === 'gateway' && moved ? { ...right, optional: false } : right));
}

/** The changes of HTTPRoutes that a plan will send, for a dry run. */
export function routePatches(
  httproutes: readonly HttpRoute[],
  routes: SplitRoute[],
  runId: string,
): PlannedPatch[] {
  return routes.flatMap((split) => {
    const route = httproutes.find(({ metadata }) => metadata.name === split.name);
    const moves = split.rules.some(({ canary }) => canary.weight > 0);
    const operations = route && moves && shiftOperations(route, split, { runId, epoch: 0 }, 0);
    if (!route || !operations) return [];
    const { uid, annotations } = route.metadata;
    const own: PlannedPatch['operations'] = [
      { op: 'test', path: '/metadata/uid', value: uid },
      ...(annotations ? [] : [{ op: 'add' as const, path: '/metadata/annotations', value: {} }]),
    ];
    return [{ resource: 'httproutes', name: split.name, operations: [...own, ...operations] }];
  });
}

/** What can't be seen of the gateways, and what weights don't move. Pure. */
export function routeFindings(
  httproutes: readonly HttpRoute[],
  routes: SplitRoute[],
  settings: KubernetesSettings,
): Finding[] {
  const silent = httproutes.filter(
    (route) => routes.some(({ name }) => name === route.metadata.name) && takenUp(route) === 'unknown',
  );
  const found = silent.map(({ metadata }) =>
    findingOf('platform', 'unknown', `No gateway reports on httproute/${metadata.name}`, {
      evidence: [`Whether its weights are taken up is not known: ${blindMs(settings) / 1000} s are waited.`],
    }),
  );
  const others = otherRules(httproutes, routes);
  if (others.length === 0) return found;
  const title =
    'Some requests for the canary find no pod once it is gone: their rules name no stable Service';
  const fix = ['Change these rules, or take them out, with the canary.'];
  return [...found, findingOf('platform', 'warn', title, { evidence: others, fix })];
}

/** What runs wrote on the routes that give a canary its share. Pure. */
export function routeLeftovers(all: Collections, main: WorkloadView, canary: WorkloadView): Leftover[] {
  const shared = splitRoutes(all, main, canary).map(({ name }) => name);
  const keys = [RUN_ANNOTATION, BEFORE_ANNOTATION, EPOCH_ANNOTATION, OUT_SINCE_ANNOTATION];
  return all.httproutes.flatMap(({ metadata }) => {
    const { name, annotations = {} } = metadata;
    if (!shared.includes(name) || !keys.some((key) => annotations[key] !== undefined)) return [];
    const says = `httproute/${name} has weights as a run set them`;
    return [{ says, run: annotations[RUN_ANNOTATION], byHand: undefined, by: 'each' }];
  });
}
