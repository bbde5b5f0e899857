import type { MoveExpansion } from '../../src/engine/link-moves.ts';
import type { Observation, Step, StepRegistry } from '../../src/engine/step.ts';
import { RollbackError } from '../../src/model/error.ts';
import type { PlatformFacts } from '../../src/model/facts.ts';
import type { Move } from '../../src/model/move.ts';
import type { PlannedStep } from '../../src/model/plan.ts';
import type { Random } from './random.ts';
import type { SimClock } from './sim-clock.ts';
import type { World } from './sim-world.ts';

/** What may go wrong on the way between a client and the world. */
export interface Faults {
  /** A call fails before it has an effect, and may be tried again. */
  before: number;
  /** A call has its effect, and its acknowledgement is lost. */
  after: number;
  /** A call fails for good. */
  final: number;
  /** A call takes seconds. */
  slow: number;
}

export const NO_FAULTS: Faults = { before: 0, after: 0, final: 0, slow: 0 };

export interface SimPlatform extends MoveExpansion {
  steps(): StepRegistry;
  facts(): Promise<PlatformFacts>;
}

/** A move as it is made here: each slot by itself. */
type Input =
  | { kind: 'start' | 'admit' | 'drain' | 'stop' | 'keep-warm'; slot: number; release: string }
  | Extract<Move, { kind: 'switch' | 'set-current' }>;

/** The platform as one client sees it; `alive` turns false when its process is killed. */
export function simPlatform(parts: {
  world: World;
  clock: SimClock;
  random: Random;
  faults: Faults;
  alive: () => boolean;
}): SimPlatform {
  const { world, clock, random, faults, alive } = parts;

  async function call<T>(effect: () => T, signal?: AbortSignal): Promise<T> {
    await clock.sleep(
      random.chance(faults.slow) ? random.between(1_000, 20_000) : random.between(1, 40),
      signal,
    );
    // A killed process hears of nothing any more.
    if (!alive()) return new Promise<T>(() => {});
    if (random.chance(faults.before)) throw lost();
    if (random.chance(faults.final))
      throw new RollbackError({ code: 'SIM_FINAL', summary: 'A call failed for good' });
    const value = effect();
    if (random.chance(faults.after)) throw lost();
    return value;
  }

  async function changeBy(epoch: number, signal: AbortSignal, effect: () => void): Promise<void> {
    await call(() => {
      try {
        world.enter(epoch);
      } catch {
        throw new RollbackError({ code: 'STALE_EPOCH', summary: 'A later client moves this service' });
      }
      effect();
    }, signal);
  }

  /** Applies, then waits until the world shows it. */
  function step(effect: (input: Input) => void, done: (input: Input) => Observation): Step<Input> {
    return {
      observe: (input, { signal }) => call(() => done(input), signal),
      async apply(input, { epoch, signal }) {
        await changeBy(epoch, signal, () => effect(input));
        for (;;) {
          const seen = await call(() => done(input), signal);
          if (seen.state === 'done') return seen.output;
          if ('slot' in input && world.find(input.release, input.slot)?.state === 'crashed') {
            throw new RollbackError({ code: 'INSTANCE_CRASHED', summary: 'An instance exited at its start' });
          }
          await clock.sleep(100, signal);
        }
      },
    };
  }

  const pending: Observation = { state: 'pending', before: null };
  const done: Observation = { state: 'done', output: null };
  const when = (holds: boolean): Observation => (holds ? done : pending);
  const { change } = world;
  const find = (input: Input) => ('slot' in input ? world.find(input.release, input.slot) : undefined);
  const kinds: Record<string, Step<Input>> = {
    start: step(
      (input) => input.kind === 'start' && change.start(input.release, input.slot),
      (input) => when(['ready', 'drained', 'draining'].includes(find(input)?.state ?? '')),
    ),
    admit: step(
      (input) => input.kind === 'admit' && change.admit(input.release, input.slot),
      (input) => when(find(input)?.inRotation ?? false),
    ),
    drain: step(
      (input) => input.kind === 'drain' && change.drain(input.release, input.slot),
      (input) => {
        const instance = find(input);
        return when(!instance || (!instance.inRotation && instance.inFlight === 0));
      },
    ),
    stop: step(
      (input) => input.kind === 'stop' && change.stop(input.release, input.slot),
      (input) => when(find(input) === undefined),
    ),
    switch: step(
      (input) => input.kind === 'switch' && change.switchTo(input.to, input.slots),
      (input) =>
        when(input.kind === 'switch' && input.slots.every((slot) => world.find(input.to, slot)?.inRotation)),
    ),
    'keep-warm': step(
      (input) => input.kind === 'keep-warm' && change.keepWarm(input.release, input.slot),
      (input) => when(find(input)?.warmUntil !== undefined),
    ),
    'set-current': step(
      (input) => input.kind === 'set-current' && change.setCurrent(input.release, input.canary),
      (input) =>
        when(
          input.kind === 'set-current' && world.current === input.release && world.canary === input.canary,
        ),
    ),
  };
  return {
    steps: () => kinds as StepRegistry,
    facts: () => call(() => world.facts()),
    expand: (move) => perSlot(move).map(({ id, input }) => stepOf(id, move.kind, input)),
  };
}

function perSlot(move: Move): { id: string; input: Input }[] {
  if (move.kind === 'switch' || move.kind === 'set-current') return [{ id: move.id, input: move }];
  const { kind, slots, release } = move;
  return slots.map((slot) => ({ id: `${kind}:${slot}:${release}`, input: { kind, slot, release } }));
}

function stepOf(id: string, kind: string, input: Input): PlannedStep {
  return { id, kind, phase: 'move', input, after: [], safePoint: true, timeoutMs: 30_000 };
}

function lost(): RollbackError {
  return new RollbackError({ code: 'SIM_LOST', summary: 'The connection was lost', retriable: true });
}
