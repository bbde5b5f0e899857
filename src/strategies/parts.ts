import type { PartFacts } from '../model/facts.ts';
import type { Situation, StrategyPlan } from './strategy.ts';

export interface PartPlan extends StrategyPlan {
  /** Undefined where the service is one. */
  part: string | undefined;
}

/**
 * A plan for each part of a service, in the order in which they go back; one plan where it is not made of parts. Pure.
 * @param planOf plans one part as if it were the service; undefined where the part has nothing to do with it
 */
export function eachPart(
  situation: Situation,
  planOf: (own: Situation, part: PartFacts | undefined) => StrategyPlan | undefined,
): PartPlan[] {
  const { parts } = situation.facts;
  if (!parts) return [{ part: undefined, ...(planOf(situation, undefined) ?? NOTHING) }];
  return parts.map((part) => {
    const { moves, lines } = planOf(situationOf(part, situation), part) ?? NOTHING;
    const named = (id: string) => `${part.name}:${id}`;
    return {
      part: part.name,
      moves: moves.map((move) => ({
        ...move,
        id: named(move.id),
        after: move.after.map(named),
        part: part.name,
      })),
      lines: lines.map((line) => ({ ...line, label: named(` ${line.label}`), moves: line.moves.map(named) })),
    };
  });
}

const NOTHING: StrategyPlan = { moves: [], lines: [] };

function situationOf(part: PartFacts, { facts, from, to, ...rest }: Situation): Situation {
  const { parts: _, ...service } = facts;
  const { name: __, ids, ...own } = part;
  return {
    ...rest,
    facts: { ...service, allAtOnce: false, ...own },
    from: { ...from, id: ids[from.id] ?? from.id },
    to: { ...to, id: ids[to.id] ?? to.id },
    instances: part.desired,
  };
}
