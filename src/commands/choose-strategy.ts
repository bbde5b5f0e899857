import { EXIT, RollbackError } from '../model/error.ts';
import type { PlatformFacts } from '../model/facts.ts';
import type { Strategy } from '../model/plan.ts';

/**
 * The strategy that was named, or what the platform does by itself where none was.
 * @throws RollbackError `STRATEGY_UNAVAILABLE` (exit 2) where the named one does not fit
 */
export function chooseStrategy(
  { service, strategies }: PlatformFacts,
  named: Strategy | undefined,
): Strategy {
  const [own = 'rolling'] = strategies ?? [];
  if (named === undefined) return own;
  if (!strategies || strategies.includes(named)) return named;
  throw new RollbackError({
    code: 'STRATEGY_UNAVAILABLE',
    summary: `Strategy ${named} does not fit ${service}`,
    detail: `What moves it is declared on its Rollout, and goes by ${strategies.join(' or ')} now.`,
    fix: `Leave out --strategy, or name that one: --strategy ${own}`,
    exit: EXIT.usage,
  });
}

/** The nearest to a strategy that fits. */
export function fittingStrategy({ strategies }: PlatformFacts, wanted: Strategy): Strategy {
  return !strategies || strategies.includes(wanted) ? wanted : (strategies[0] ?? wanted);
}
