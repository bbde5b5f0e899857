import type { Instance } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { slotName, slotsOf } from './strategy.ts';

/**
 * One instance at a time. The new one is healthy and in rotation before an old one is drained, and the old one is
 * drained before it is stopped, so that capacity never falls. The next new one starts while the last old one drains.
 */
export function rolling(situation: Situation): StrategyPlan {
  const { facts, to, instances } = situation;
  const { missing, surplus } = slotsOf(situation);
  const moves: Move[] = [];
  const deployLines: MoveLine[] = [];
  const drains: string[] = [];
  let admitted: string[] = [];

  // Old instances leave in step with new ones that came in; with nothing missing they all leave one after another.
  const leaving = [...surplus];
  let lastDrain: string[] = [];
  const leave = (instance: Instance, after: string[]) => {
    const ids = leaveMoves(instance, situation, [...after, ...lastDrain]);
    moves.push(...ids.moves);
    drains.push(ids.drain);
    lastDrain = [ids.drain];
  };

  for (const slot of missing) {
    const start = `start:${slotName(slot, situation)}`;
    const admit = `admit:${slotName(slot, situation)}`;
    moves.push({ id: start, kind: 'start', slot, release: to.id, after: admitted });
    moves.push({ id: admit, kind: 'admit', slot, release: to.id, after: [start] });
    admitted = [admit];
    const count = `${facts.noun.one} ${deployLines.length + 1}/${missing.length}`;
    deployLines.push({
      label: `Deploying ${to.version} (${count})`,
      doneWord: 'healthy',
      moves: [start, admit],
    });
    const old = leaving.find((instance) => instance.slot === slot) ?? leaving[0];
    if (old) {
      leaving.splice(leaving.indexOf(old), 1);
      leave(old, admitted);
    }
  }
  for (const old of leaving) leave(old, admitted);

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

/** Drain, then stop. The drained instance is out of rotation before anything ends it. */
export function leaveMoves(
  instance: Instance,
  situation: Situation,
  after: string[],
): { moves: Move[]; drain: string; stop: string } {
  const name = `${slotName(instance.slot, situation)}:${instance.release}`;
  const drain = `drain:${name}`;
  const stop = `stop:${name}`;
  const at = { slot: instance.slot, release: instance.release };
  return {
    moves: [
      { id: drain, kind: 'drain', ...at, after },
      { id: stop, kind: 'stop', ...at, after: [drain] },
    ],
    drain,
    stop,
  };
}
