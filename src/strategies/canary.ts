import type { Move } from '../model/move.ts';
import { leaveMoves } from './leave.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { byRelease, slotName, slotsOf } from './strategy.ts';

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
  if (missing.length > 0) {
    const start = `start:${slotName(missing, situation)}`;
    const admit = `admit:${slotName(missing, situation)}`;
    moves.push({ id: start, kind: 'start', slots: missing, release: to.id, after: [] });
    moves.push({ id: admit, kind: 'admit', slots: missing, release: to.id, after: [start] });
    admits.push(admit);
    const label = `Restoring ${to.version} to ${situation.instances} ${facts.noun.many}`;
    lines.push({ label, doneWord: 'healthy', moves: [start, admit] });
  }
  const drains: string[] = [];
  const stops: string[] = [];
  for (const group of byRelease(surplus)) {
    const leaving = leaveMoves(group, situation, admits);
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
