import type { Move } from '../model/move.ts';
import { leaveMoves } from './leave.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { batches, byRelease, progressOf, slotName, slotsOf } from './strategy.ts';

/**
 * Rolling where no new instance may run beside the old ones: a batch is drained and stopped, and the target's takes its
 * place and is in rotation before the next batch leaves. Capacity falls by one batch meanwhile; to nothing where all
 * must end before the first new one starts.
 */
export function inPlace(situation: Situation): StrategyPlan {
  const { facts, to } = situation;
  const { missing, surplus } = slotsOf(situation);
  const moves: Move[] = [];
  const lines: MoveLine[] = [];
  const drains: string[] = [];
  const leaving = [...surplus];
  let before: string[] = [];
  let done = 0;
  const size = facts.allAtOnce ? Math.max(1, missing.length) : situation.batch;
  for (const slots of batches(missing, size)) {
    const old = leaving.filter((instance) => facts.allAtOnce || slots.includes(instance.slot));
    for (const instance of old) leaving.splice(leaving.indexOf(instance), 1);
    for (const group of byRelease(old)) {
      const ids = leaveMoves(group, situation, before);
      moves.push(...ids.moves);
      drains.push(ids.drain);
      before = [ids.stop];
    }
    const start = `start:${slotName(slots, situation)}`;
    const admit = `admit:${slotName(slots, situation)}`;
    moves.push({ id: start, kind: 'start', slots, release: to.id, after: before });
    moves.push({ id: admit, kind: 'admit', slots, release: to.id, after: [start] });
    before = [admit];
    const label = `Deploying ${to.version} (${progressOf(slots, done, missing.length, situation)})`;
    lines.push({ label, doneWord: 'healthy', moves: [start, admit] });
    done += slots.length;
  }
  for (const group of byRelease(leaving)) {
    const ids = leaveMoves(group, situation, before);
    moves.push(...ids.moves);
    drains.push(ids.drain);
    before = [ids.stop];
  }
  moves.push({ id: 'set-current', kind: 'set-current', release: to.id, after: moves.map((move) => move.id) });
  const drainLine = {
    label: `Draining traffic from current ${facts.noun.many}`,
    doneWord: 'done',
    moves: drains,
  };
  return { moves, lines: drains.length > 0 ? [drainLine, ...lines] : lines };
}
