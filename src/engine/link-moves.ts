import type { PlatformFacts } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { Plan, PlannedStep, SurroundingSteps } from '../model/plan.ts';
import type { PartPlan } from '../strategies/parts.ts';

/** Says how moves are done; each platform has one. */
export interface MoveExpansion {
  expand(move: Move, facts: PlatformFacts): PlannedStep[];
  /** Steps before the first move and after the last; see `PlatformMoves.surround`. */
  surround?(moves: Move[], facts: PlatformFacts, earlier: PlannedStep[]): SurroundingSteps;
}

interface Surroundings {
  facts: PlatformFacts;
  platform: MoveExpansion;
  around: SurroundingSteps | undefined;
  /** What the first step follows. */
  first: string[];
}

/**
 * The steps of all moves with what surrounds them. Parts in order: one is set up, moved and put back before the next is
 * touched. Together: all are set up, then all move, and they are put back once nothing moves any more.
 */
export function linkMoves(
  moved: PartPlan[],
  { facts, platform, around = NOTHING, first }: Surroundings,
): { steps: PlannedStep[]; lines: Plan['lines']; last: string[] } {
  const own = moved.map(({ part }) => around.parts?.[part ?? ''] ?? NOTHING);
  const { together = false } = facts;
  const begin = chained([...around.before, ...(together ? own.flatMap(({ before }) => before) : [])], first);
  const steps = [...begin.steps];
  const lines: Plan['lines'] = [];
  const ends: string[] = [];
  let { last } = begin;
  for (const [i, part] of moved.entries()) {
    const { before, after } = together ? NOTHING : (own[i] as SurroundingSteps);
    const setUp = chained(before, together ? begin.last : last);
    const { steps: moving, ids } = expandMoves(part.moves, facts, platform, setUp.last);
    const done = chained(after, moving.length > 0 ? moving.map(({ id }) => id) : setUp.last);
    steps.push(...setUp.steps, ...moving, ...done.steps);
    // What needs no step on this platform is not told as done.
    for (const { label, doneWord, moves } of part.lines) {
      const of = moves.flatMap((move) => ids.get(move)?.all ?? []);
      if (of.length > 0) lines.push({ label, doneWord, steps: of });
    }
    last = done.last;
    ends.push(...last);
  }
  const tidy = chained(
    [...(together ? own.flatMap(({ after }) => after) : []), ...around.after],
    together ? [...new Set(ends)] : last,
  );
  return { steps: [...steps, ...tidy.steps], lines, last: tidy.last };
}

const NOTHING: SurroundingSteps = { before: [], after: [] };

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
function expandMoves(
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
      // What follows a move that needs no step here follows what that move follows.
      last: expanded.length > 0 ? expanded.map((step) => step.id).filter((id) => !followed.has(id)) : before,
    });
  }
  return { steps, ids };
}

/** One after the other; the first follows `first`. */
export function chained(steps: PlannedStep[], first: string[]): { steps: PlannedStep[]; last: string[] } {
  let last = first;
  const linked = steps.map((step) => {
    const after = last;
    last = [step.id];
    return { ...step, after };
  });
  return { steps: linked, last };
}
