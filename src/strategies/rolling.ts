import type { Instance } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import { inPlace } from './in-place.ts';
import { leaveMoves } from './leave.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { batches, byRelease, progressOf, slotName, slotsOf } from './strategy.ts';
import { withinRoom } from './within-room.ts';

/**
 * One batch at a time (by default one instance). The new ones are healthy and in rotation before old ones are drained,
 * and the old ones are drained before they are stopped, so that capacity never falls. The next new ones start once the
 * last ones are healthy, and let the next old ones leave while the last old ones still drain: as many batches run beside
 * what is wanted as there is room for, at most three, and two where that is not known.
 */
export function rolling(situation: Situation): StrategyPlan {
  const { facts, to, instances } = situation;
  if (!facts.surge) return inPlace(situation);
  const { missing, surplus } = slotsOf(situation);
  const moves: Move[] = [];
  const deployLines: MoveLine[] = [];
  const drains: string[] = [];
  const stops: string[][] = [];
  let started: string[] = [];
  let admitted: string[] = [];

  // Old instances leave in step with new ones that came in; with nothing missing they all leave one after another.
  const leave = (old: Instance[], after: string[]) => {
    const groups = byRelease(old).map((group) => leaveMoves(group, situation, after));
    moves.push(...groups.flatMap((group) => group.moves));
    const drained = groups.map(({ drain }) => drain);
    drains.push(...drained);
    stops.push(groups.map(({ stop }) => stop));
    return drained;
  };

  const { first, leaving, order, ahead } = withinRoom(situation, missing, surplus);
  leave(first, []);
  const cleared = stops.splice(0).flat();
  const groups = batches(order, situation.batch);
  for (const [i, slots] of groups.entries()) {
    const start = `start:${slotName(slots, situation)}`;
    const admit = `admit:${slotName(slots, situation)}`;
    moves.push({
      id: start,
      kind: 'start',
      slots,
      release: to.id,
      after: [...started, ...(stops[i - ahead] ?? []), ...(i === 0 ? cleared : [])],
    });
    started = [start];
    moves.push({ id: admit, kind: 'admit', slots, release: to.id, after: [start, ...admitted] });
    admitted = [admit];
    deployLines.push({
      label: `Deploying ${to.version} (${progressOf(slots, groups.slice(0, i).flat().length, missing.length, situation)})`,
      doneWord: 'healthy',
      moves: [start, admit],
    });
    leave(takeFor(slots, leaving), admitted);
  }
  let before = [...drains];
  for (const old of batches(leaving, situation.batch)) before = leave(old, [...admitted, ...before]);

  const last = moves.map((move) => move.id);
  moves.push({ id: 'set-current', kind: 'set-current', release: to.id, after: last });
  const drainLine = {
    label: `Draining traffic from current ${facts.noun.many}`,
    doneWord: 'done',
    moves: drains,
  };
  // With n missing of n, the count reads as the whole; a partial plan counts what it still deploys.
  const lines = instances > 0 && drains.length > 0 ? [drainLine, ...deployLines] : deployLines;
  return { moves, lines };
}

/** As many old ones as came in: the ones of the same slots where there are such. */
function takeFor(slots: number[], leaving: Instance[]): Instance[] {
  return slots.flatMap((slot) => {
    const old = leaving.find((instance) => instance.slot === slot) ?? leaving[0];
    return old ? leaving.splice(leaving.indexOf(old), 1) : [];
  });
}
