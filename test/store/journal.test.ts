import { beforeEach, expect, it } from 'vitest';
import type { Lease } from '../../src/adapters/store/store.ts';
import { createJournal, type Journal } from '../../src/engine/journal.ts';
import type { JournalEntry } from '../../src/model/journal.ts';
import { runState } from '../../src/model/run-state.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';
import { ANA, planned } from './sample-run.ts';

let clock: ManualClock;
let store: MemoryStore;
let lease: Lease;
let journal: Journal;
/** Steps of each group that the store was asked to write. */
let groups: string[][];
/** Steps in the order in which they were told to be durable. */
let told: string[];
/** Runs before a group is written. */
let beforeWrite: () => Promise<void> | void;

beforeEach(async () => {
  clock = manualClock();
  store = memoryStore({ clock });
  lease = await store.acquireLease('shop', ANA, new AbortController().signal);
  await store.create(lease, 'r-1', planned('r-1'));
  groups = [];
  told = [];
  beforeWrite = () => {};
  journal = createJournal({
    store: {
      ...store,
      async append(underLease, runId, entries) {
        groups.push(entries.map(stepOf));
        await beforeWrite();
        await store.append(underLease, runId, entries);
      },
    },
    lease,
    state: runState(await store.read('r-1')),
    clock,
    emit: (event) => {
      if (event.type === 'entry') told.push(stepOf(event.entry));
    },
  });
});

function begin(step: string): Promise<void> {
  return journal.append({ type: 'started', step, before: null });
}

function stepOf(entry: JournalEntry): string {
  return 'step' in entry ? entry.step : entry.type;
}

async function written(): Promise<string[]> {
  return (await store.read('r-1')).slice(1).map(stepOf);
}

it('writes what was asked for during a write as one group, in order', async () => {
  const others: Promise<void>[] = [];
  beforeWrite = () => {
    if (groups.length === 1) others.push(...['b', 'c', 'd'].map(begin));
  };
  await begin('a');
  expect(told).toEqual(['a']);
  await Promise.all(others);
  expect(groups).toEqual([['a'], ['b', 'c', 'd']]);
  expect(await written()).toEqual(['a', 'b', 'c', 'd']);
  expect([...journal.state.steps.keys()]).toEqual(['a', 'b', 'c', 'd']);
});

it('resolves nobody before the whole group is there', async () => {
  let open = () => {};
  const closed = new Promise<void>((resolve) => {
    open = resolve;
  });
  beforeWrite = () => closed;
  const resolved: string[] = [];
  const all = ['a', 'b'].map((step) => begin(step).then(() => resolved.push(step)));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect([groups, resolved, told]).toEqual([[['a', 'b']], [], []]);
  open();
  await Promise.all(all);
  expect(resolved).toEqual(['a', 'b']);
});

it('keeps the time at which each was asked for', async () => {
  beforeWrite = () => clock.sleep(5_000);
  await begin('a');
  expect((await store.read('r-1')).at(-1)).toMatchObject({ at: '2026-11-23T21:03:38.000Z' });
});

it('goes on behind the entries of a group that were written before the store failed', async () => {
  store.faults.loseAcknowledgements(1);
  await Promise.all(['a', 'b', 'c'].map(begin));
  expect(groups).toEqual([
    ['a', 'b', 'c'],
    ['b', 'c'],
  ]);
  expect(await written()).toEqual(['a', 'b', 'c']);
  expect(told).toEqual(['a', 'b', 'c']);
});

it('writes no entry twice where only the acknowledgement of a group was lost', async () => {
  store.faults.loseAcknowledgements(3);
  await Promise.all(['a', 'b', 'c'].map(begin));
  expect(await written()).toEqual(['a', 'b', 'c']);
  await begin('d');
  expect(told).toEqual(['a', 'b', 'c', 'd']);
});

it('gives up after 12.6 s, and then everybody who waits or asks later is told why', async () => {
  store.faults.failAppends(100);
  const late: Promise<void>[] = [];
  clock.whileAsleep = () => {
    if (late.length === 0) late.push(begin('late'));
  };
  const asked = ['a', 'b'].map(begin);
  for (const each of asked) await expect(each).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  await expect(late[0]).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  await expect(begin('later')).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  expect(clock.slept()).toBe(12_600);
  expect([told, await written()]).toEqual([[], []]);
});

it('does not try again once the lease is lost', async () => {
  store.faults.stealLease('shop');
  await expect(begin('a')).rejects.toMatchObject({ code: 'LEASE_LOST' });
  expect(groups).toHaveLength(1);
  expect(clock.slept()).toBe(0);
});
