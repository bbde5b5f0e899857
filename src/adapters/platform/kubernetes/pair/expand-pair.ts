import { EXIT, RollbackError } from '../../../../model/error.ts';
import type { PlatformFacts } from '../../../../model/facts.ts';
import type { Move } from '../../../../model/move.ts';
import type { PlannedStep } from '../../../../model/plan.ts';
import { type OwnPair, ownFacts } from '../own-facts.ts';
import { planned, SHORT, startEstimate } from '../planned-step.ts';
import type { KubernetesSettings } from '../settings.ts';
import { colored } from './find-pair.ts';
import type { PairInput, RestoreIdleInput, WasInPair } from './hold-pair.ts';
import type { PrepareIdleInput } from './prepare-idle.ts';

/**
 * How a move is done in a blue-green pair: a release starts in the one without traffic, and traffic goes over in one
 * change. undefined where there is no pair. Pure.
 * @throws RollbackError `PAIR_NEEDS_SWITCH` (exit 2) for a strategy that brings pods in one by one
 */
export function expandPair(
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] | undefined {
  const { pair } = ownFacts(facts);
  if (!pair) return undefined;
  if (move.kind === 'set-current') return [];
  const id = move.kind === 'switch' ? move.to : move.release;
  const release = pair.releases[id];
  if (!release) return [];
  const coming = release.isLive ? pair.live : pair.idle;
  const leaving = release.alive.includes(pair.live) ? pair.live : pair.idle;
  const count = move.slots.length;
  switch (move.kind) {
    case 'start': {
      const template = colored(release.template, pair.key, pair.values[coming] as string);
      const most = Math.max(facts.desired, ...move.slots);
      const input: PrepareIdleInput = { workload: coming, release: id, template, count: most };
      const timeoutMs = settings.startTimeout * 1000 + 10_000;
      const warm = release.alive.includes(coming);
      const estimateMs = warm ? 200 : startEstimate(facts, id);
      return [planned('prepare-idle', `${coming}:${id}`, input, { timeoutMs, estimateMs })];
    }
    case 'switch': {
      const input = { workload: coming, key: pair.key, value: pair.values[coming], count };
      return [planned('switch-pair', `${coming}:${id}`, input, SHORT)];
    }
    case 'admit':
      if (release.isLive) return [];
      throw needsSwitch(pair);
    case 'drain': {
      // It stays scaled up, whatever becomes of this process, so what is in flight there is answered.
      if (move.stay) return [];
      const input = { workload: leaving, release: release.revisions[leaving] ?? '', count: 0 };
      const estimateMs = settings.proxySync * 1000 + 500;
      const timeoutMs = settings.drainTimeout * 1000 + 30_000;
      return [planned('drain-pair', `${leaving}:${id}`, input, { timeoutMs, estimateMs })];
    }
    case 'stop': {
      const input = { workload: leaving, count: 0, from: pair.replicas[leaving] };
      return [planned('scale-pair', `${leaving}:${id}`, input, SHORT)];
    }
    case 'keep-warm':
      return [planned('keep-warm', `${leaving}:${id}`, { workload: leaving, ms: move.ms }, SHORT)];
  }
}

/**
 * What a plan for a pair sets up and puts back. A plan that goes back to the start also gives the idle one the template
 * and the count that it had. Pure.
 */
export function surroundPair(
  moves: Move[],
  facts: PlatformFacts,
  earlier: PlannedStep[],
  around: { before: PlannedStep[]; after: PlannedStep[] },
): { before: PlannedStep[]; after: PlannedStep[] } {
  const { pair } = ownFacts(facts);
  if (!pair) return around;
  const target = moves.findLast((move) => move.kind === 'set-current')?.release;
  const workloads = [pair.live, pair.idle].sort();
  const name = workloads.join('+');
  const was = wasIn(facts, pair, earlier);
  const hold = planned('hold-pair', name, { workloads, was } satisfies PairInput, SHORT);
  const letGo = { ...planned('let-go-pair', name, { workloads }, SHORT), phase: 'tidy' as const };
  const prepared = earlier
    .filter(({ kind }) => kind === 'prepare-idle')
    .map(({ input }) => input as PrepareIdleInput)
    .filter(({ release }) => release !== target)
    .map(({ workload }) => workload);
  const restore = [...new Set(prepared)].map((workload) => ({
    ...planned('restore-idle', workload, { workload, was: was[workload] } satisfies RestoreIdleInput, SHORT),
    phase: 'tidy' as const,
  }));
  return { before: [...around.before, hold], after: [...restore, letGo, ...around.after] };
}

/** What the two were when the run began: by its first plan, since the marks are gone once it has let go of them. */
function wasIn(facts: PlatformFacts, pair: OwnPair, earlier: PlannedStep[]): Record<string, WasInPair> {
  const told = earlier.find(({ kind }) => kind === 'hold-pair')?.input as PairInput | undefined;
  if (told?.was) return told.was;
  const now = ownFacts(facts).workloads.map(({ workload, current, replicas }) => [
    workload,
    { revision: current, replicas: pair.replicas[workload] ?? replicas },
  ]);
  return Object.fromEntries(now);
}

function needsSwitch({ live, idle }: OwnPair): RollbackError {
  return new RollbackError({
    code: 'PAIR_NEEDS_SWITCH',
    summary: `${live} and ${idle} are a blue-green pair`,
    detail: 'Their Services send all traffic to one of them, so it goes over in one change.',
    fix: 'Choose: --strategy blue-green (keeps the replaced one warm) or --strategy instant',
    exit: EXIT.usage,
  });
}
