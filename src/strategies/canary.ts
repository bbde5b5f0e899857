import type { Move } from '../model/move.ts';
import { leaveMoves } from './rolling.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { slotName, slotsOf } from './strategy.ts';

/**
 * Reverses a canary: where stable instances are missing they come first, all at once; then every canary instance is
 * drained and stopped, so that stable takes 100 %.
 */
export function canary(situation: Situation): StrategyPlan {
  const { facts, from, to } = situation;
  const { missing, surplus } = slotsOf(situation);
  const moves: Move[] = [];
  const lines: MoveLine[] = [];
  const admits: string[] = [];
  for (const slot of missing) {
    const start = `start:${slotName(slot, situation)}`;
    const admit = `admit:${slotName(slot, situation)}`;
    moves.push({ id: start, kind: 'start', slot, release: to.id, after: [] });
    moves.push({ id: admit, kind: 'admit', slot, release: to.id, after: [start] });
    admits.push(admit);
  }
  if (missing.length > 0) {
    const label = `Restoring ${to.version} to ${situation.instances} ${facts.noun.many}`;
    lines.push({ label, doneWord: 'healthy', moves: moves.map((move) => move.id) });
  }
  const drains: string[] = [];
  const stops: string[] = [];
  for (const old of surplus) {
    const leaving = leaveMoves(old, situation, admits);
    moves.push(...leaving.moves);
    drains.push(leaving.drain);
    stops.push(leaving.stop);
  }
  if (drains.length > 0) {
    const canaries = surplus.length === 1 ? facts.noun.one : facts.noun.many;
    lines.push({ label: `Draining traffic from canary ${from.version}`, doneWord: 'done', moves: drains });
    lines.push({ label: `Removing ${surplus.length} canary ${canaries}`, doneWord: 'done', moves: stops });
  }
  moves.push({ id: 'set-current', kind: 'set-current', release: to.id, after: moves.map((move) => move.id) });
  const share = `Giving ${to.version} all traffic`;
  lines.push({ label: share, doneWord: 'done', moves: ['set-current'] });
  return { moves, lines };
}
