import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HolderState } from '../../src/adapters/process-identity.ts';
import { LEASE_TTL_MS, type StateStore } from '../../src/adapters/store/store.ts';
import type { Holder } from '../../src/model/journal.ts';
import { type ManualClock, manualClock } from '../store/manual-clock.ts';
import { ANA, BEN, planned, started } from '../store/sample-run.ts';

/** One place for state, and clients of it. */
export interface StoreUnderTest {
  /** Another client of the same state. */
  open(clock: ManualClock, holderState: (holder: Holder) => HolderState): Promise<StateStore> | StateStore;
  dispose(): Promise<void> | void;
}

/** What every `StateStore` must do. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest> | StoreUnderTest): void {
  describe(`${name}: the contract of a state store`, () => {
    let place: StoreUnderTest;
    let clock: ManualClock;
    let store: StateStore;
    let other: StateStore;
    let states: Map<Holder, HolderState>;
    const signal = new AbortController().signal;
    const acquire = (client: StateStore, holder: Holder) => client.acquireLease('shop', holder, signal);

    beforeEach(async () => {
      place = await make();
      clock = manualClock();
      states = new Map();
      const holderState = (holder: Holder) =>
        [...states].find(([known]) => known.pid === holder.pid)?.[1] ?? 'elsewhere';
      store = await place.open(clock, holderState);
      other = await place.open(clock, holderState);
    });
    afterEach(() => place.dispose());

    describe('journal', () => {
      it('keeps entries in order, for every client', async () => {
        const lease = await acquire(store, ANA);
        await store.create(lease, 'r-1', planned('r-1'));
        for (let i = 0; i < 12; i++) await store.append(lease, 'r-1', [started(`step-${i}`)]);
        const entries = await other.read('r-1');
        expect(entries).toEqual(JSON.parse(JSON.stringify([planned('r-1'), ...steps(0, 12)])));
        expect(await store.read('r-1')).toEqual(entries);
      });

      it('writes a group in order, for every client', async () => {
        const lease = await acquire(store, ANA);
        await store.create(lease, 'r-1', planned('r-1'));
        await store.append(lease, 'r-1', steps(0, 5));
        await store.append(lease, 'r-1', steps(5, 7));
        expect((await other.read('r-1')).slice(1)).toEqual(steps(0, 7));
        await other.append(lease, 'r-1', steps(7, 9));
        await expect(store.append(lease, 'r-1', steps(9, 12))).rejects.toMatchObject({ code: 'LEASE_LOST' });
        expect((await store.read('r-1')).slice(1)).toEqual(steps(0, 9));
      });

      it('goes on after it was read again, whoever has written meanwhile', async () => {
        const mine = await acquire(store, ANA);
        await store.create(mine, 'r-1', planned('r-1'));
        await store.append(mine, 'r-1', steps(0, 1));
        await store.release(mine);
        const theirs = await acquire(other, BEN);
        await other.read('r-1');
        await other.append(theirs, 'r-1', steps(1, 3));
        await other.release(theirs);
        const again = await acquire(store, ANA);
        await store.read('r-1');
        await store.append(again, 'r-1', steps(3, 4));
        expect((await other.read('r-1')).slice(1)).toEqual(steps(0, 4));
      });

      it('lists runs oldest first, and none before the first', async () => {
        expect(await store.list()).toEqual([]);
        const lease = await acquire(store, ANA);
        for (const id of ['r-20261123-210338-7f3a', 'r-20251123-210338-ffff', 'r-20261123-210339-0000']) {
          await store.create(lease, id, planned(id));
        }
        expect(await other.list()).toEqual([
          'r-20251123-210338-ffff',
          'r-20261123-210338-7f3a',
          'r-20261123-210339-0000',
        ]);
      });

      it('refuses an id that exists, and leaves its journal alone', async () => {
        const lease = await acquire(store, ANA);
        await store.create(lease, 'r-1', planned('r-1'));
        await expect(store.create(lease, 'r-1', planned('r-1', { hash: 'other' }))).rejects.toMatchObject({
          code: 'RUN_EXISTS',
        });
        expect(await store.read('r-1')).toHaveLength(1);
      });

      it('names the nearest runs for an unknown id, exit 2', async () => {
        const lease = await acquire(store, ANA);
        for (const id of ['r-aaaa', 'r-abcd', 'r-zzzz', 'r-yyyy']) await store.create(lease, id, planned(id));
        await expect(store.read('r-abce')).rejects.toMatchObject({
          code: 'RUN_NOT_FOUND',
          exit: 2,
          detail: expect.stringMatching(/: r-abcd, r-aaaa, /),
          fix: expect.stringContaining('rollback-deploy-auto history'),
        });
        await expect(store.append(lease, 'r-abce', [started('x')])).rejects.toMatchObject({
          code: 'RUN_NOT_FOUND',
        });
        await expect(store.read('../leases')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
      });

      it('refuses an append after another client took the lease, and writes nothing', async () => {
        const mine = await acquire(store, ANA);
        await store.create(mine, 'r-1', planned('r-1'));
        states.set(ANA, 'gone');
        const theirs = await acquire(other, BEN);
        await expect(store.append(mine, 'r-1', [started('late')])).rejects.toMatchObject({
          code: 'LEASE_LOST',
          exit: 3,
          detail: expect.stringContaining('ben@laptop'),
        });
        await expect(store.create(mine, 'r-2', planned('r-2'))).rejects.toMatchObject({ code: 'LEASE_LOST' });
        expect(await other.read('r-1')).toHaveLength(1);
        expect(await other.list()).toEqual(['r-1']);
        await other.append(theirs, 'r-1', [started('next')]);
        expect(await other.read('r-1')).toHaveLength(2);
      });

      it('refuses an append to a journal that another client has gone on with', async () => {
        const mine = await acquire(store, ANA);
        await store.create(mine, 'r-1', planned('r-1'));
        await other.read('r-1');
        await store.append(mine, 'r-1', [started('seen by one only')]);
        // The same lease in another client's hands: only the number can tell that it does not know the last entry.
        await expect(other.append(mine, 'r-1', [started('blind')])).rejects.toMatchObject({
          code: 'LEASE_LOST',
        });
        expect(await store.read('r-1')).toHaveLength(2);
        await other.read('r-1');
        await other.append(mine, 'r-1', [started('knowing')]);
        expect(await store.read('r-1')).toHaveLength(3);
      });

      it('refuses an append under a lease that was let go', async () => {
        const lease = await acquire(store, ANA);
        await store.create(lease, 'r-1', planned('r-1'));
        await store.release(lease);
        await expect(store.append(lease, 'r-1', [started('x')])).rejects.toMatchObject({
          code: 'LEASE_LOST',
        });
      });
    });

    describe('lease', () => {
      it('is one at a time; the second is refused with who, what, when and the way on, exit 4', async () => {
        const lease = await acquire(store, ANA);
        await store.create(lease, 'r-1', planned('r-1'));
        states.set(ANA, 'alive');
        await expect(acquire(other, BEN)).rejects.toMatchObject({
          code: 'LEASE_HELD',
          exit: 4,
          summary: expect.stringContaining('ana@build-7'),
          detail: expect.stringMatching(/Process 4711 .*run r-1; .*2026-11-23T21:03:38/),
          fix: expect.stringMatching(/status\n.*abort r-1\n.*resume r-1/),
        });
        expect(clock.slept()).toBe(0);
      });

      it('is another one for another service', async () => {
        states.set(ANA, 'alive');
        await acquire(store, ANA);
        expect(await other.acquireLease('cart', BEN, signal)).toMatchObject({ service: 'cart', epoch: 1 });
      });

      it('is taken at once where it was let go, with a higher epoch', async () => {
        const first = await acquire(store, ANA);
        await store.release(first);
        expect(await store.lease('shop')).toMatchObject({ epoch: 1, held: false, holder: ANA });
        const second = await acquire(other, BEN);
        expect([first.epoch, second.epoch]).toEqual([1, 2]);
        expect(clock.slept()).toBe(0);
      });

      it('is taken at once where the holder is gone', async () => {
        await acquire(store, ANA);
        states.set(ANA, 'gone');
        expect(await store.lease('shop')).toMatchObject({ epoch: 1, held: false });
        expect(await acquire(other, BEN)).toMatchObject({ epoch: 2, holder: BEN });
        expect(clock.slept()).toBe(0);
      });

      it('is taken from a holder elsewhere after a whole time without a heartbeat', async () => {
        await acquire(store, ANA);
        expect(await acquire(other, BEN)).toMatchObject({ epoch: 2 });
        expect(clock.slept()).toBe(LEASE_TTL_MS);
      });

      it('is refused as soon as a holder elsewhere gives a sign of life', async () => {
        const lease = await acquire(store, ANA);
        clock.whileAsleep = async () => {
          if (clock.slept() >= 4_000) await store.renew(lease);
        };
        await expect(acquire(other, BEN)).rejects.toMatchObject({ code: 'LEASE_HELD' });
        expect(clock.slept()).toBe(5_000);
      });

      it('is taken where a holder elsewhere lets it go while being watched', async () => {
        const lease = await acquire(store, ANA);
        clock.whileAsleep = () => store.release(lease);
        expect(await acquire(other, BEN)).toMatchObject({ epoch: 2 });
        expect(clock.slept()).toBeLessThan(LEASE_TTL_MS);
      });

      it('is not waited for any longer once the caller gives up', async () => {
        await acquire(store, ANA);
        const giveUp = new AbortController();
        clock.whileAsleep = () => giveUp.abort(new Error('enough'));
        await expect(other.acquireLease('shop', BEN, giveUp.signal)).rejects.toThrow('enough');
        expect(await store.lease('shop')).toMatchObject({ epoch: 1, held: true });
      });

      it('tells the last heartbeat', async () => {
        expect(await store.lease('shop')).toBeUndefined();
        const lease = await acquire(store, ANA);
        await clock.sleep(5_000);
        await store.renew(lease);
        expect(await other.lease('shop')).toEqual({
          ...lease,
          renewedAt: '2026-11-23T21:03:43.000Z',
          held: true,
        });
      });

      it('can no longer be renewed once taken, and letting go of it harms nobody', async () => {
        const mine = await acquire(store, ANA);
        states.set(ANA, 'gone');
        await acquire(other, BEN);
        await expect(store.renew(mine)).rejects.toMatchObject({ code: 'LEASE_LOST' });
        await store.release(mine);
        expect(await store.lease('shop')).toMatchObject({ epoch: 2, held: true, holder: BEN });
      });

      it('has rising epochs over a hundred takings, renewals and releases', async () => {
        const epochs: number[] = [];
        for (let i = 0; i < 34; i++) {
          const lease = await acquire(i % 2 ? store : other, ANA);
          epochs.push(lease.epoch);
          await store.renew(lease);
          await store.release(lease);
        }
        expect(epochs).toEqual(Array.from({ length: 34 }, (_, i) => i + 1));
      });
    });

    describe('documents', () => {
      it('are undefined before they are put, and named once they are', async () => {
        expect(await store.get('record', 'r-1')).toBeUndefined();
        expect(await store.names('record')).toEqual([]);
        await store.put('record', 'r-2', { a: 1 }, 0);
        await store.put('record', 'r-1', { a: 2 }, 0);
        await store.put('approval', 'r-9', {}, 0);
        expect(await other.names('record')).toEqual(['r-1', 'r-2']);
        expect(await other.get('record', 'r-1')).toMatchObject({ value: { a: 2 } });
      });

      it('change only from the version that was read', async () => {
        await store.put('record', 'r-1', { n: 0 }, 0);
        const read = await store.get<{ n: number }>('record', 'r-1');
        const version = read?.version as number;
        await other.put('record', 'r-1', { n: 1 }, version);
        for (const stale of [0, version, version + 7]) {
          await expect(store.put('record', 'r-1', { n: 2 }, stale)).rejects.toMatchObject({
            code: 'DOCUMENT_CHANGED',
            retriable: true,
          });
        }
        expect((await store.get<{ n: number }>('record', 'r-1'))?.value).toEqual({ n: 1 });
      });

      it('take any name', async () => {
        const names = ['..', '.', 'a/b', 'ü ? *', 'shop:v2', '%2E', 'CON'].sort();
        for (const name of names) await store.put('odd/kind', name, { name }, 0);
        expect((await other.names('odd/kind')).sort()).toEqual(names);
        for (const name of names) expect((await other.get('odd/kind', name))?.value).toEqual({ name });
      });

      it('lose no change among many writers', async () => {
        await store.put('counter', 'c', 0, 0);
        const count = async (client: StateStore) => {
          for (let done = 0; done < 20; ) {
            const read = await client.get<number>('counter', 'c');
            try {
              await client.put('counter', 'c', (read?.value as number) + 1, read?.version as number);
              done++;
            } catch (error) {
              expect(error).toMatchObject({ code: 'DOCUMENT_CHANGED' });
            }
          }
        };
        await Promise.all([count(store), count(other), count(store)]);
        expect((await store.get('counter', 'c'))?.value).toBe(60);
      });
    });
  });
}

function steps(from: number, to: number) {
  return Array.from({ length: to - from }, (_, i) => started(`step-${from + i}`));
}
