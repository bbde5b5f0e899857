import type { Step, StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { type Fence, fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { HttpRoute } from '../../../../kubernetes/http-route.ts';
import { OUT_SINCE_ANNOTATION } from '../../../../kubernetes/names.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { holdOperations, isHeldBy } from '../held.ts';
import type { KubernetesSettings } from '../settings.ts';
import { fenceOf, type WorkloadInput, workloadOf } from '../steps/workload-step.ts';
import { blindMs, type Quiet, quietPods } from './quiet.ts';
import { takenUp } from './taken-up.ts';
import {
  ruleText,
  type SplitRoute,
  type SplitRule,
  sameWeights,
  shifted,
  type Weights,
  weightOperations,
  weightsIn,
  weightsOf,
} from './weights.ts';

export interface ShiftWeightsInput extends WorkloadInput {
  /** With the weights that they had when the plan was made. */
  routes: SplitRoute[];
}

export interface ShiftWeightsOutput extends Quiet {
  /** Whether every gateway says that it has the new weights; `unknown` where one reports nothing. */
  takenUp: 'reported' | 'unknown';
}

/** What a route was before the run. */
export interface RouteBefore {
  rules: SplitRule[];
}

/**
 * Gives the canary's share of HTTPRoutes to the stable Service, all rules of a route in one write, and keeps on the route
 * what its weights were. Done once the gateways say that they have it and no new request reaches the canary's pods; where
 * no gateway says anything, after a stated time.
 */
export function shiftWeights(
  state: ClusterState,
  settings: KubernetesSettings,
): Step<ShiftWeightsInput, ShiftWeightsOutput> {
  const untilQuiet = quietPods(state, settings);
  /** Routes whose canary was seen quiet in this process, by uid: the generation of it. */
  const quiet = new Map<string, number | undefined>();

  return {
    async observe(input, context) {
      const routes = await routesOf(state, input, context);
      for (const { split, route } of routes) {
        const why = route ? othersWeights(route, split) : `There is no httproute/${split.name} any more.`;
        if (why !== undefined) return { state: 'conflict', why };
      }
      const there = routes.flatMap(({ route }) => route ?? []);
      const set = routes.every(
        ({ route, split }) =>
          route && isHeldBy(route, context.runId) && split.rules.every((rule) => isShifted(route, rule)),
      );
      const ms = context.clock.now() - Math.max(...there.map(sinceOf));
      const known = there.every(
        ({ metadata }) => quiet.has(metadata.uid) && quiet.get(metadata.uid) === metadata.generation,
      );
      const reports = there.map(takenUp);
      if (set && !reports.includes('stale') && (known || ms >= blindMs(settings))) {
        return { state: 'done', output: { how: 'bound', ms, takenUp: reportOf(there) } };
      }
      const weights = routes.map(({ split, route }) => [
        split.name,
        split.rules.map((rule) => (route ? weightsIn(route, rule) : undefined)),
      ]);
      return { state: 'pending', before: { weights: Object.fromEntries(weights) } };
    },
    async apply(input, context) {
      const { clock, progress, signal } = context;
      for (const { split, route } of await routesOf(state, input, context)) {
        const written = await fencedWrite<HttpRoute>({
          cluster: state.cluster,
          path: pathOf('httproutes', state.namespace, split.name),
          known: route,
          fence: fenceOf(context),
          signal,
          change: (now) => shiftOperations(now, split, fenceOf(context), clock.now()),
        });
        state.saw('httproutes', written);
      }
      let routes: HttpRoute[];
      for (;;) {
        routes = (await routesOf(state, input, context)).flatMap(({ route }) => route ?? []);
        const stale = routes
          .filter((route) => takenUp(route) === 'stale')
          .map(({ metadata }) => metadata.name);
        if (stale.length === 0) break;
        progress(`Waiting until the gateways have the weights of ${stale.join(', ')}`);
        await state.change(500, signal);
      }
      const told = reportOf(routes);
      // Without the note, which somebody may have taken off, the time counts from now.
      const sinceMs = Math.max(...routes.map(sinceOf).filter(Number.isFinite), 0) || clock.now();
      if (told === 'unknown') {
        progress(`No gateway reports whether it has the weights: waiting ${blindMs(settings) / 1000} s`);
      }
      const leastMs = told === 'unknown' ? blindMs(settings) : 0;
      const seen = await untilQuiet(workloadOf(input), { sinceMs, leastMs }, context);
      for (const { metadata } of routes) quiet.set(metadata.uid, metadata.generation);
      return { ...seen, takenUp: told };
    },
  };
}

/** What holds a route and moves its weights; undefined where that is done. @throws RollbackError `WEIGHTS_CHANGED` (retriable) */
export function shiftOperations(
  route: HttpRoute,
  split: SplitRoute,
  fence: Fence,
  nowMs: number,
): PatchOperation[] | undefined {
  const why = othersWeights(route, split);
  if (why !== undefined) throw changed(why);
  const rules = split.rules.filter((rule) => !isShifted(route, rule));
  if (rules.length === 0 && isHeldBy(route, fence.runId)) return undefined;
  const since = `/metadata/annotations/${pointerPart(OUT_SINCE_ANNOTATION)}`;
  const before: RouteBefore = { rules: split.rules };
  return [
    ...holdOperations(route, fence, before),
    ...rules.flatMap((rule) => weightOperations(route, rule, shifted(weightsOf(rule)))),
    // Of an earlier run's change, where there is nothing left to change.
    ...(rules.length === 0 && Number.isFinite(sinceOf(route))
      ? []
      : [{ op: 'add' as const, path: since, value: new Date(nowMs).toISOString() }]),
  ];
}

/** The routes of a step's input as they are now. */
async function routesOf(
  state: ClusterState,
  { routes }: ShiftWeightsInput,
  { signal }: StepContext,
): Promise<{ split: SplitRoute; route: HttpRoute | undefined }[]> {
  const { httproutes } = await state.all(signal);
  return routes.map((split) => ({
    split,
    route: httproutes.find(({ metadata }) => metadata.name === split.name),
  }));
}

/** Why the weights are neither those of the plan nor those that it sets; undefined where they are. */
function othersWeights(route: HttpRoute, { name, rules }: SplitRoute): string | undefined {
  for (const rule of rules) {
    const now = weightsIn(route, rule);
    if (!now) return `${capital(ruleText(name, rule))} no longer shares traffic as it did.`;
    if (isShifted(route, rule) || sameWeights(now, weightsOf(rule))) continue;
    return `Somebody set the weights of ${ruleText(name, rule)} to ${now.join(' and ')}.`;
  }
  return undefined;
}

/** What else the stable one has makes no difference then. */
function isShifted(route: HttpRoute, rule: SplitRule): boolean {
  const [, canary] = weightsIn(route, rule) ?? ([1, 1] satisfies Weights);
  return canary === 0;
}

/** When a run moved the weights, ms since the epoch; NaN where that is not noted. */
function sinceOf({ metadata }: HttpRoute): number {
  return Date.parse(metadata.annotations?.[OUT_SINCE_ANNOTATION] ?? '');
}

function reportOf(routes: HttpRoute[]): ShiftWeightsOutput['takenUp'] {
  return routes.every((route) => takenUp(route) === 'reported') ? 'reported' : 'unknown';
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function changed(why: string): RollbackError {
  return new RollbackError({
    code: 'WEIGHTS_CHANGED',
    summary: why.replace(/\.$/, ''),
    retriable: true,
  });
}
