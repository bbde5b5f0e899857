import type { Instance, PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { ReleaseReference } from '../model/release.ts';

/** What a strategy works on: what is there, and what shall be there. */
export interface Situation {
  facts: PlatformFacts;
  from: ReleaseReference;
  to: ReleaseReference;
  /** Instances that shall serve at the end. */
  instances: number;
  /** How long replaced instances are kept running, ms; 0 for not at all. */
  keepWarmMs: number;
}

/** One line of the report, by the moves it stands for. */
export interface MoveLine {
  label: string;
  doneWord: string;
  moves: string[];
}

export interface StrategyPlan {
  moves: Move[];
  lines: MoveLine[];
}

/** Facts in, moves out. Pure, and right from any mixed state, so that a rebuilt plan is made by the same code. */
export type StrategyFunction = (situation: Situation) => StrategyPlan;

/** Slots 1..n of the target and what is in them now. */
export interface Slots {
  /** Slots whose target instance does not serve yet. */
  missing: number[];
  /** Instances that must go: everything but the wanted target instances. Those out of rotation first. */
  surplus: Instance[];
}

export function slotsOf({ facts, to, instances }: Situation): Slots {
  const wanted = new Map<number, Instance>();
  for (const instance of facts.instances) {
    if (instance.release === to.id && instance.slot <= instances) wanted.set(instance.slot, instance);
  }
  const missing = range(instances).filter((slot) => {
    const instance = wanted.get(slot);
    return instance === undefined || !serves(instance);
  });
  // A warm copy out of rotation is left to its own time.
  const surplus = facts.instances
    .filter((instance) => wanted.get(instance.slot) !== instance)
    .filter((instance) => instance.inRotation || instance.warmUntil === undefined)
    .sort((a, b) => Number(a.inRotation) - Number(b.inRotation) || a.slot - b.slot);
  return { missing, surplus };
}

/** `2/3`: a slot among all of them. Canary slots lie above. */
export function slotName(slot: number, situation: Situation): string {
  return `${slot}/${situation.instances}`;
}

export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}
