import type { Step, StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { HttpRoute } from '../../../../kubernetes/http-route.ts';
import { OUT_SINCE_ANNOTATION } from '../../../../kubernetes/names.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldsBefore, isHeldBy, letGoOperations } from '../held.ts';
import { fenceOf } from '../steps/workload-step.ts';
import type { RouteBefore } from './shift-weights.ts';
import { takenUp } from './taken-up.ts';
import { ruleText, sameWeights, shifted, weightOperations, weightsIn, weightsOf } from './weights.ts';

export interface PutBackRouteInput {
  /** Names of HTTPRoutes. */
  routes: string[];
  /** `before`: as they were when the run began. `stay`: the canary keeps its 0, since it has no pods any more. */
  weights: 'before' | 'stay';
}

/**
 * Takes the run's marks from HTTPRoutes, and gives the canary its weights back where the run goes back to its start: only
 * where they still are what the run made them. Then waits until the gateways that report have them.
 */
export function putBackRoute(state: ClusterState): Step<PutBackRouteInput, null> {
  return {
    async observe(input, context) {
      const routes = await routesOf(state, input, context);
      const held = routes.some((route) => isHeldBy(route, context.runId));
      if (!held && !waits(routes, input)) return { state: 'done', output: null };
      return { state: 'pending', before: null };
    },
    async apply(input, context) {
      const { signal, progress } = context;
      for (const route of await routesOf(state, input, context)) {
        const written = await fencedWrite<HttpRoute>({
          cluster: state.cluster,
          path: pathOf('httproutes', state.namespace, route.metadata.name),
          known: route,
          fence: fenceOf(context),
          last: true,
          signal,
          change: (now) => {
            if (!isHeldBy(now, context.runId)) return undefined;
            const restored = input.weights === 'before' ? restoreOperations(now, progress) : [];
            return [...restored, ...letGoOperations(now), ...forgetSince(now)];
          },
        });
        state.saw('httproutes', written);
      }
      for (;;) {
        const routes = await routesOf(state, input, context);
        if (!waits(routes, input)) return null;
        progress('Waiting until the gateways have the weights as they were');
        await state.change(500, signal);
      }
    },
  };
}

function waits(routes: HttpRoute[], { weights }: PutBackRouteInput): boolean {
  return weights === 'before' && routes.some((route) => takenUp(route) === 'stale');
}

function restoreOperations(route: HttpRoute, progress: StepContext['progress']): PatchOperation[] {
  const { rules = [] } = fieldsBefore<Partial<RouteBefore>>(route) ?? {};
  return rules.flatMap((rule) => {
    const was = weightsOf(rule);
    const now = weightsIn(route, rule);
    if (now && sameWeights(now, shifted(was))) return weightOperations(route, rule, was);
    if (!now || !sameWeights(now, was)) {
      progress(`Somebody changed ${ruleText(route.metadata.name, rule)}: left as it is`);
    }
    return [];
  });
}

function forgetSince({ metadata }: HttpRoute): PatchOperation[] {
  if (metadata.annotations?.[OUT_SINCE_ANNOTATION] === undefined) return [];
  return [{ op: 'remove', path: `/metadata/annotations/${pointerPart(OUT_SINCE_ANNOTATION)}` }];
}

async function routesOf(
  state: ClusterState,
  { routes }: PutBackRouteInput,
  { signal }: StepContext,
): Promise<HttpRoute[]> {
  const { httproutes } = await state.all(signal);
  return httproutes.filter(({ metadata }) => routes.includes(metadata.name));
}
