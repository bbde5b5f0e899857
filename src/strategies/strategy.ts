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
  /** Instances that a rolling rollback moves at once; at least 1. */
  batch: number;
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

/** `2/3`, or `1-50/1000`: slots among all of them. Canary slots lie above. */
export function slotName(slots: number[], situation: Situation): string {
  const [first = 0] = slots;
  const last = slots.at(-1) ?? first;
  return `${first === last ? first : `${first}-${last}`}/${situation.instances}`;
}

/** Instances of each release together: what leaves, leaves by release. */
export function byRelease(
  instances: Pick<Instance, 'release' | 'slot'>[],
): { release: string; slots: number[] }[] {
  const groups = new Map<string, number[]>();
  for (const { release, slot } of instances) groups.set(release, [...(groups.get(release) ?? []), slot]);
  return [...groups].map(([release, slots]) => ({ release, slots }));
}

export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

/** In order, at most `size` each, and as even as can be: no small rest takes a turn of its own. */
export function batches<T>(all: T[], size: number): T[][] {
  const turns = Math.ceil(all.length / size);
  const groups: T[][] = [];
  for (let i = 0; i < turns; i++) {
    groups.push(all.slice(Math.ceil((i * all.length) / turns), Math.ceil(((i + 1) * all.length) / turns)));
  }
  return groups;
}

/** `pod 2/3`, or `pods 51-100/1000`. */
export function progressOf(slots: number[], before: number, all: number, { facts }: Situation): string {
  if (slots.length === 1) return `${facts.noun.one} ${before + 1}/${all}`;
  return `${facts.noun.many} ${before + 1}-${before + slots.length}/${all}`;
}
