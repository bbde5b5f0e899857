import type { PlatformFacts } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { PlannedStep } from '../model/plan.ts';

/** Says how moves are done; each platform has one. */
export interface MoveExpansion {
  expand(move: Move, facts: PlatformFacts): PlannedStep[];
}

/** The longest way through the graph from the first move on; a bounded concurrency can only make it longer. */
export function estimate(steps: PlannedStep[]): number {
  const ends = new Map<string, number>();
  for (const step of steps) {
    const begins = Math.max(0, ...step.after.map((id) => ends.get(id) ?? 0));
    const own = step.phase === 'prove' ? 0 : (step.estimateMs ?? 500);
    ends.set(step.id, begins + own);
  }
  return Math.max(0, ...ends.values());
}

interface ExpandedMove {
  all: string[];
  last: string[];
}

/** The steps of all moves, linked as the moves are; moves that follow nothing follow `first`. */
export function expandMoves(
  moves: Move[],
  facts: PlatformFacts,
  platform: MoveExpansion,
  first: string[],
): { steps: PlannedStep[]; ids: Map<string, ExpandedMove> } {
  const steps: PlannedStep[] = [];
  const ids = new Map<string, ExpandedMove>();
  for (const move of moves) {
    const expanded = platform.expand(move, facts);
    const before = move.after.length > 0 ? move.after.flatMap((id) => ids.get(id)?.last ?? []) : first;
    const linked = expanded.map((step) => (step.after.length > 0 ? step : { ...step, after: before }));
    const followed = new Set(expanded.flatMap((step) => step.after));
    steps.push(...linked);
    ids.set(move.id, {
      all: expanded.map((step) => step.id),
      last: expanded.map((step) => step.id).filter((id) => !followed.has(id)),
    });
  }
  return { steps, ids };
}
