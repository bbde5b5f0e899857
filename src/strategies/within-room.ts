import type { Instance } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import { MOST_AHEAD } from '../model/plan.ts';
import type { Situation } from './strategy.ts';

/** How a rolling plan keeps within the room that there is. */
export interface RoomPlan {
  /** Instances that leave before the first new one starts. */
  first: Instance[];
  /** The others that leave. */
  leaving: Instance[];
  /** Slots that are missing, in the order in which they come in. */
  order: number[];
  /** Batches that may run beside what is wanted. */
  ahead: number;
}

/**
 * Where room is known, what is out of rotation leaves first, what is there already comes in first, and of what serves
 * beyond what is wanted so much leaves that a batch can start. Where it is not known, two batches run ahead.
 */
export function withinRoom(situation: Situation, missing: number[], surplus: Instance[]): RoomPlan {
  const { facts, to, instances, batch } = situation;
  const { beside } = facts;
  if (beside === undefined) return { first: [], leaving: surplus, order: missing, ahead: 2 };
  const idle = surplus.filter(({ inRotation }) => !inRotation);
  const busy = surplus.filter(({ inRotation }) => inRotation);
  const present = facts.instances.length - idle.length;
  const isThere = (slot: number) => facts.instances.some((one) => one.release === to.id && one.slot === slot);
  const coming = Math.min(batch, missing.filter((slot) => !isThere(slot)).length);
  // Capacity never falls for it.
  const spare = Math.max(0, facts.instances.filter(serves).length - instances);
  const over = Math.max(0, present + coming - (instances + beside));
  const early = busy.slice(0, Math.min(over, spare));
  const free = beside - Math.max(0, present - early.length - instances);
  return {
    first: [...idle, ...early],
    leaving: busy.slice(early.length),
    order: [...missing.filter(isThere), ...missing.filter((slot) => !isThere(slot))],
    ahead: Math.min(MOST_AHEAD, Math.max(1, Math.floor(free / batch))),
  };
}
