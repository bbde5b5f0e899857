import type { PlatformFacts } from '../../../model/facts.ts';
import type { Move } from '../../../model/move.ts';
import type { PlannedStep } from '../../../model/plan.ts';
import { instanceId } from './instance-id.ts';
import type { LocalConfiguration } from './service-file.ts';

/** How moves are done here: one step for each instance. Pure. */
export function expandMove(
  move: Move,
  facts: PlatformFacts,
  { platform }: Pick<LocalConfiguration, 'platform'>,
): PlannedStep[] {
  const current = facts.current ?? null;
  const drainMs = platform.drainTimeout * 1000;
  const stopMs = platform.stopTimeout * 1000;
  const on = (slot: number, release: string) => {
    return { instance: instanceId(facts.service, release, slot), slot, release, current };
  };
  const step = (
    kind: string,
    name: string,
    input: unknown,
    { timeoutMs, estimateMs }: { timeoutMs: number; estimateMs: number },
  ): PlannedStep[] => [
    { id: `${kind}:${name}`, kind, phase: 'move', input, after: [], safePoint: true, timeoutMs, estimateMs },
  ];
  const each = (
    { slots, release }: { slots: number[]; release: string },
    expand: (at: { slot: number; release: string }, name: string) => PlannedStep[],
  ) => slots.flatMap((slot) => expand({ slot, release }, `${slot}/${facts.desired}:${release}`));

  switch (move.kind) {
    case 'start':
      return each(move, ({ slot, release }, name) => {
        const input = { ...on(slot, release), secretSources: secretSources(facts, release) };
        return step('start-instance', name, input, {
          timeoutMs: platform.startTimeout * 1000 + 10_000,
          estimateMs: startEstimate(facts, release),
        });
      });
    case 'admit':
      return each(move, ({ slot, release }, name) =>
        step('admit-instance', name, on(slot, release), { timeoutMs: 30_000, estimateMs: 100 }),
      );
    case 'drain':
      return each(move, ({ slot, release }, name) =>
        step(
          'drain-instance',
          name,
          { ...on(slot, release), boundMs: drainMs },
          { timeoutMs: drainMs + 15_000, estimateMs: 1_000 },
        ),
      );
    case 'stop':
      return each(move, ({ slot, release }, name) =>
        step('stop-instance', name, on(slot, release), {
          timeoutMs: drainMs + stopMs + 15_000,
          estimateMs: 500,
        }),
      );
    case 'switch': {
      const instances = move.slots.map((slot) => instanceId(facts.service, move.to, slot));
      const input = { release: move.to, current, instances };
      return step('switch-traffic', move.to, input, { timeoutMs: 30_000, estimateMs: 100 });
    }
    case 'keep-warm':
      return each(move, ({ slot, release }, name) =>
        step('keep-warm', name, { ...on(slot, release), ms: move.ms }, { timeoutMs: 15_000, estimateMs: 50 }),
      );
    case 'set-current': {
      const { release, canary = null } = move;
      const input = { release, canary, before: { current, canary: facts.canary ?? null } };
      return step('set-current-release', release, input, { timeoutMs: 15_000, estimateMs: 50 });
    }
  }
}

function secretSources(facts: PlatformFacts, id: string): Record<string, string> {
  const secrets = facts.releases.find((release) => release.id === id)?.configuration.secrets ?? {};
  return Object.fromEntries(Object.entries(secrets).map(([name, { source }]) => [name, source]));
}

/** As slow as the slowest start seen of it, and some room. */
function startEstimate(facts: PlatformFacts, id: string): number {
  const seen = facts.releases.find((release) => release.id === id)?.evidence.startMs;
  return seen === undefined ? 3_000 : Math.round(seen * 1.2) + 500;
}
