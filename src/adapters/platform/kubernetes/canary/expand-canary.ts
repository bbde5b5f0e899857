import { EXIT, RollbackError } from '../../../../model/error.ts';
import type { PlatformFacts } from '../../../../model/facts.ts';
import type { Move } from '../../../../model/move.ts';
import type { PlannedStep } from '../../../../model/plan.ts';
import { type OwnCanary, ownFacts } from '../own-facts.ts';
import { planned, SHORT, startEstimate } from '../planned-step.ts';
import type { KubernetesSettings } from '../settings.ts';
import { hasWeight } from './canary-facts.ts';

/**
 * How a move of the canary's pods is done: they leave by the same steps as any other, but end, and come back, by the
 * count of their Deployment. undefined for a move that is not of the canary. Pure.
 * @throws RollbackError `TARGET_IS_CANARY` (exit 2): what runs as a canary is no release of the stable workload
 */
export function expandCanary(
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] | undefined {
  const { canary } = ownFacts(facts);
  if (!canary) return undefined;
  const release = move.kind === 'switch' ? move.to : move.release;
  const revision = canary.revisions[release];
  if (revision === undefined) return undefined;
  if (move.kind === 'set-current' || move.kind === 'switch') throw isCanary(release, canary);
  const { workload, offset, replicas } = canary;
  const last = Math.max(...move.slots) - offset;
  const there = facts.instances.filter((one) => one.release === release);
  const stays = there.filter(({ slot }) => slot - offset > last).length;
  const first = Math.min(...move.slots) - offset;
  const name = `${workload}:${first === last ? first : `${first}-${last}`}:${revision}`;
  const at = { workload, release: revision, replicas };
  switch (move.kind) {
    case 'start': {
      const scale = scaleStep(canary, name, last);
      const known = Object.values(canary.revisions);
      const times = {
        timeoutMs: settings.startTimeout * 1000 + 10_000,
        estimateMs: startEstimate(facts, release),
      };
      const start = planned('start-pods', name, { ...at, count: last, known }, times);
      return [scale, { ...start, after: [scale.id] }];
    }
    case 'admit':
      return [planned('admit-pods', name, { ...at, count: last }, SHORT)];
    case 'drain': {
      const estimateMs = settings.proxySync * 1000 + 500;
      const times = { timeoutMs: settings.drainTimeout * 1000 + 30_000, estimateMs };
      const drain = planned('drain-pods', name, { ...at, count: stays }, times);
      const shift = shiftStep(canary, name);
      return shift ? [shift, { ...drain, after: [shift.id] }] : [drain];
    }
    case 'keep-warm':
    case 'stop':
      return [scaleStep(canary, name, stays)];
  }
}

/**
 * What a plan with a canary sets up and puts back: the Services are held for the stable workloads anyway, the canary's
 * Deployment and Services of its own are, too, also where an earlier plan or a lost run held them. A template that stays as
 * it is is not set: the stable pods are not touched then. Weights go back only with the plan that goes back to the start:
 * a canary that is gone keeps its 0. Pure.
 */
export function surroundCanary(
  moves: Move[],
  facts: PlatformFacts,
  earlier: PlannedStep[],
  around: { before: PlannedStep[]; after: PlannedStep[] },
): { before: PlannedStep[]; after: PlannedStep[] } {
  const { canary, workloads } = ownFacts(facts);
  const moved = moves.some(
    (move) => 'release' in move && canary !== undefined && move.release in canary.revisions,
  );
  if (!canary) return around;
  const { workload, current: release, routes } = canary;
  const begun = earlier.some(
    ({ kind, input }) => kind === 'hold-traffic' && (input as { workload: string }).workload === workload,
  );
  const last = moves.findLast((move) => move.kind === 'set-current');
  const goesBack = last?.canary !== undefined;
  const sends = hasWeight(canary) && !goesBack;
  if (!(moved || begun || canary.held || sends)) return around;
  const target = last?.release ?? '';
  const stays = workloads.every(({ current, revisions }) => current === revisions[target]?.id);
  const starts = moves.some((move) => move.kind === 'start' && !(move.release in canary.revisions));
  const hold = planned('hold-traffic', workload, { workload, by: 'each', release }, SHORT);
  const putBack = planned('put-back', workload, { workload, release }, SHORT);
  const before = around.before.filter(({ kind }) => !(stays && !starts && kind === 'set-template'));
  const after: PlannedStep[] = [...around.after, { ...putBack, phase: 'tidy' }];
  if (routes.length > 0) {
    const input = { routes: routes.map(({ name }) => name), weights: goesBack ? 'before' : 'stay' };
    after.push({ ...planned('put-back-route', workload, input, SHORT), phase: 'tidy' });
  }
  // Where it has pods to drain, the weights go first there: once what is missing of the stable ones serves.
  const drained = moves.some((move) => move.kind === 'drain' && move.release in canary.revisions);
  const shift = goesBack || drained ? undefined : shiftStep(canary, workload);
  return { before: [...before, hold, ...(shift ? [shift] : [])], after };
}

/** undefined where no weight is to be moved, and no run left marks on the routes. */
function shiftStep(canary: OwnCanary, name: string): PlannedStep | undefined {
  const { workload, routes, held } = canary;
  if (routes.length === 0 || !(hasWeight(canary) || held)) return undefined;
  const times = { timeoutMs: 120_000, estimateMs: 1_500 };
  return planned('shift-weights', name, { workload, routes }, times);
}

function scaleStep({ workload, replicas }: OwnCanary, name: string, count: number): PlannedStep {
  const estimateMs = 300;
  return planned(
    'scale-workload',
    name,
    { workload, count, from: replicas },
    { timeoutMs: 60_000, estimateMs },
  );
}

function isCanary(release: string, { workload }: OwnCanary): RollbackError {
  return new RollbackError({
    code: 'TARGET_IS_CANARY',
    summary: `Release ${release} runs as a canary`,
    detail: `It is what ${workload} makes; the workload beside it never ran it.`,
    fix: 'Name a release of the stable workload: rollback-deploy-auto releases',
    exit: EXIT.usage,
  });
}
