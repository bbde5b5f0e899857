import type { Move } from '../model/move.ts';
import type { Situation } from './strategy.ts';
import { slotName } from './strategy.ts';

/** Drain, then stop. The drained instances are out of rotation before anything ends them. */
export function leaveMoves(
  leaving: { release: string; slots: number[] },
  situation: Situation,
  after: string[],
): { moves: Move[]; drain: string; stop: string } {
  const name = `${slotName(leaving.slots, situation)}:${leaving.release}`;
  const drain = `drain:${name}`;
  const stop = `stop:${name}`;
  return {
    moves: [
      { id: drain, kind: 'drain', ...leaving, after },
      { id: stop, kind: 'stop', ...leaving, after: [drain] },
    ],
    drain,
    stop,
  };
}
