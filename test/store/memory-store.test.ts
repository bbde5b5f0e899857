import { describe, expect, it } from 'vitest';
import { storeContract } from '../contracts/store.ts';
import { manualClock } from './manual-clock.ts';
import { memoryState, memoryStore } from './memory-store.ts';
import { ANA, BEN, planned, started } from './sample-run.ts';

storeContract('memory store', () => {
  const state = memoryState();
  return {
    open: (clock, holderState) => memoryStore({ clock, state, holderState }),
    dispose: () => {},
  };
});

describe('memory store: faults', () => {
  async function open() {
    const store = memoryStore({ clock: manualClock() });
    const lease = await store.acquireLease('shop', ANA, new AbortController().signal);
    await store.create(lease, 'r-1', planned('r-1'));
    return { store, lease };
  }

  it('fails an append without writing it', async () => {
    const { store, lease } = await open();
    store.faults.failAppends(1);
    await expect(store.append(lease, 'r-1', [started('a')])).rejects.toMatchObject({ retriable: true });
    expect(await store.read('r-1')).toHaveLength(1);
    await store.append(lease, 'r-1', [started('a')]);
    expect(await store.read('r-1')).toHaveLength(2);
  });

  it('loses an acknowledgement: written, and a retriable error', async () => {
    const { store, lease } = await open();
    store.faults.loseAcknowledgements(1);
    await expect(store.append(lease, 'r-1', [started('a')])).rejects.toMatchObject({ retriable: true });
    expect((await store.read('r-1')).at(-1)).toEqual(started('a'));
    await store.append(lease, 'r-1', [started('b')]);
    expect(await store.read('r-1')).toHaveLength(3);
  });

  it('has its lease stolen', async () => {
    const { store, lease } = await open();
    expect(store.faults.stealLease('shop').epoch).toBe(2);
    await expect(store.append(lease, 'r-1', [started('a')])).rejects.toMatchObject({ code: 'LEASE_LOST' });
  });

  it.each([
    ['before', 2],
    ['after', 3],
  ] as const)('dies %s a write and answers nothing from then on', async (when, written) => {
    const { store, lease } = await open();
    const dead = new Promise<void>((resolve) => store.faults.crashAt(2, when, resolve));
    await store.append(lease, 'r-1', [started('a')]);
    let answered = false;
    const answer = () => {
      answered = true;
    };
    store.append(lease, 'r-1', [started('b')]).then(answer, answer);
    await dead;
    store.read('r-1').then(answer, answer);
    const { state } = store;
    const heir = memoryStore({ clock: manualClock(), state, holderState: () => 'gone' });
    const next = await heir.acquireLease('shop', BEN, new AbortController().signal);
    expect(await heir.read('r-1')).toHaveLength(written);
    await heir.append(next, 'r-1', [started('c')]);
    expect(answered).toBe(false);
  });
});
