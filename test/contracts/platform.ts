import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MoveExpansion } from '../../src/engine/link-moves.ts';
import type { Step, StepContext, StepRegistry } from '../../src/engine/step.ts';
import type { Instance, PlatformFacts } from '../../src/model/facts.ts';
import { serves } from '../../src/model/facts.ts';
import type { Move, MoveKind } from '../../src/model/move.ts';

/** A platform on which `from` serves in slots 1 and 2, and `to` was deployed before and does not run. */
export interface PlatformUnderTest extends MoveExpansion {
  from: string;
  to: string;
  facts(): Promise<PlatformFacts>;
  steps(): StepRegistry;
  context(epoch: number): StepContext;
  /** An epoch at least as high as any seen. */
  epoch: number;
  /** Lets the work run to its end, in the platform's own time. */
  run<T>(work: () => Promise<T>): Promise<T>;
  dispose(): Promise<void>;
}

/** What not every platform promises. */
export interface PlatformAbilities {
  /** Keeps replaced instances running for a time though no client lives (default). */
  keepsWarm: boolean;
  /** Is set to the release as the last move (default); else that is set up before the first one. */
  setLast: boolean;
  /** May start the next instance by itself once one has ended, out of rotation (default: starts only what is asked for). */
  startsAhead: boolean;
}

/** What the engine counts on from every platform, and from the one that stands in for it in simulations. */
export function platformContract(
  name: string,
  make: () => Promise<PlatformUnderTest>,
  { keepsWarm, setLast, startsAhead }: PlatformAbilities = {
    keepsWarm: true,
    setLast: true,
    startsAhead: false,
  },
): void {
  describe(`${name}: the contract of a platform`, () => {
    let platform: PlatformUnderTest;

    beforeEach(async () => {
      platform = await make();
    });
    afterEach(() => platform?.dispose());

    /** Carries a move out and returns what is seen of it before and after. */
    async function move(kind: MoveKind, epoch = platform.epoch): Promise<{ before: string; after: string }> {
      const facts = await platform.run(() => platform.facts());
      const seen = { before: 'done', after: 'done' };
      for (const planned of platform.expand({ id: 'move', after: [], ...kind } as Move, facts)) {
        const step = platform.steps()[planned.kind] as Step<unknown>;
        const context = platform.context(epoch);
        const observe = () => platform.run(() => step.observe(planned.input, context));
        seen.before = (await observe()).state;
        await platform.run(() => step.apply(planned.input, context));
        seen.after = (await observe()).state;
      }
      return seen;
    }

    async function instances(release: string): Promise<Instance[]> {
      const { instances: all } = await platform.run(() => platform.facts());
      return all.filter((instance) => instance.release === release).sort((a, b) => a.slot - b.slot);
    }

    it('starts beside what serves: healthy, and out of rotation', async () => {
      expect(await move({ kind: 'start', slots: [1], release: platform.to })).toEqual({
        before: 'pending',
        after: 'done',
      });
      expect(await instances(platform.to)).toMatchObject([{ slot: 1, state: 'ready', inRotation: false }]);
      expect((await instances(platform.from)).filter(serves)).toHaveLength(2);
    });

    it('does each move once, however often it is asked for', async () => {
      const moves: MoveKind[] = [
        { kind: 'start', slots: [1], release: platform.to },
        { kind: 'admit', slots: [1], release: platform.to },
        { kind: 'drain', slots: [1], release: platform.from },
        { kind: 'stop', slots: [1], release: platform.from },
      ];
      for (const one of moves) {
        expect(await move(one), one.kind).toEqual({ before: 'pending', after: 'done' });
        expect(await move(one), `${one.kind} again`).toEqual({ before: 'done', after: 'done' });
      }
      const [first, ...ahead] = await instances(platform.to);
      expect(first).toMatchObject({ slot: 1, state: 'ready', inRotation: true });
      expect(ahead.map(({ inRotation }) => inRotation)).toEqual(startsAhead ? ahead.map(() => false) : []);
      expect(await instances(platform.from)).toMatchObject([{ slot: 2, inRotation: true }]);
    });

    it('drains to nothing in flight, and the instance still runs', async () => {
      await move({ kind: 'drain', slots: [1], release: platform.from });
      const [drained] = await instances(platform.from);
      expect(drained).toMatchObject({ slot: 1, state: 'drained', inRotation: false });
      // A platform that can't look into an instance says so.
      expect(drained?.inFlight ?? 0).toBe(0);
      await move({ kind: 'admit', slots: [1], release: platform.from });
      expect((await instances(platform.from)).filter(serves)).toHaveLength(2);
    });

    it('switches all traffic in one change', async () => {
      for (const slot of [1, 2]) await move({ kind: 'start', slots: [slot], release: platform.to });
      expect(await move({ kind: 'switch', to: platform.to, slots: [1, 2] })).toEqual({
        before: 'pending',
        after: 'done',
      });
      expect((await instances(platform.to)).map(serves)).toEqual([true, true]);
      expect((await instances(platform.from)).map((instance) => instance.inRotation)).toEqual([false, false]);
    });

    if (keepsWarm) {
      it('keeps a drained instance warm', async () => {
        await move({ kind: 'drain', slots: [1], release: platform.from });
        expect(
          (await move({ kind: 'keep-warm', slots: [1], release: platform.from, ms: 60_000 })).after,
        ).toBe('done');
        const [warm] = await instances(platform.from);
        expect(warm?.warmUntil).toMatch(/^\d{4}-\d\d-\d\dT/);
        expect(warm?.inRotation).toBe(false);
      });
    }

    if (setLast) {
      it('is set to another release', async () => {
        expect(await move({ kind: 'set-current', release: platform.to })).toEqual({
          before: 'pending',
          after: 'done',
        });
        expect((await platform.run(() => platform.facts())).current).toBe(platform.to);
      });
    }

    it('takes no change from a client that was followed', async () => {
      await move({ kind: 'drain', slots: [1], release: platform.from }, platform.epoch + 1);
      await expect(move({ kind: 'admit', slots: [1], release: platform.from })).rejects.toMatchObject({
        code: 'STALE_EPOCH',
      });
      expect((await instances(platform.from))[0]?.inRotation).toBe(false);
    });
  });
}
