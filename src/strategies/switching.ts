import type { Move } from '../model/move.ts';
import { leaveMoves } from './leave.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { byRelease, range, slotName, slotsOf } from './strategy.ts';

/**
 * Starts the idle set, gates every instance, switches all traffic in one change, drains the old set and keeps it
 * warm. A warm set of the target that is still running is used as it is.
 */
export function blueGreen(situation: Situation): StrategyPlan {
  return switching(situation, situation.keepWarmMs);
}

/** All at once beside the old ones, one switch, and the old ones stop as soon as they are drained. */
export function instant(situation: Situation): StrategyPlan {
  return switching(situation, 0);
}

function switching(situation: Situation, keepWarmMs: number): StrategyPlan {
  const { facts, from, to, instances } = situation;
  const { missing, surplus } = slotsOf(situation);
  const moves: Move[] = [];
  const lines: MoveLine[] = [];
  const starts: string[] = [];
  if (missing.length > 0) {
    const id = `start:${slotName(missing, situation)}`;
    moves.push({ id, kind: 'start', slots: missing, release: to.id, after: [] });
    starts.push(id);
    const label = `Starting ${to.version} beside ${from.version} (${count(missing.length, facts.noun)})`;
    lines.push({ label, doneWord: 'healthy', moves: starts });
  }
  moves.push({ id: 'switch', kind: 'switch', to: to.id, slots: range(instances), after: starts });
  lines.push({ label: `Switching all traffic to ${to.version}`, doneWord: 'done', moves: ['switch'] });

  const drains: string[] = [];
  for (const group of byRelease(surplus)) {
    const leaving = leaveMoves(group, situation, ['switch']);
    drains.push(leaving.drain);
    if (keepWarmMs === 0) {
      moves.push(...leaving.moves);
      continue;
    }
    const id = `keep-warm:${slotName(group.slots, situation)}:${group.release}`;
    const drain = leaving.moves.filter((move) => move.kind === 'drain');
    moves.push(...drain.map((move) => ({ ...move, stay: true as const })), {
      id,
      kind: 'keep-warm',
      ...group,
      ms: keepWarmMs,
      after: [leaving.drain],
    });
  }
  if (drains.length > 0) {
    lines.push({ label: `Draining traffic from ${from.version}`, doneWord: 'done', moves: drains });
  }
  moves.push({ id: 'set-current', kind: 'set-current', release: to.id, after: moves.map((move) => move.id) });
  return { moves, lines };
}

function count(n: number, noun: { one: string; many: string }): string {
  return `${n} ${n === 1 ? noun.one : noun.many}`;
}
