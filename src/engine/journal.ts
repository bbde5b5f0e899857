import { isDeepStrictEqual } from 'node:util';
import type { Lease, StateStore } from '../adapters/store/store.ts';
import type { Clock } from '../model/clock.ts';
import { RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { RunState } from '../model/run-state.ts';
import { applyEntry } from '../model/run-state.ts';

/** An entry as callers make it; the journal adds the time at which it was asked for. */
export type NewEntry = JournalEntry extends infer Entry
  ? Entry extends JournalEntry
    ? Omit<Entry, 'at'>
    : never
  : never;

/**
 * Writes a run's entries in the order in which they are asked for, keeps its state, and tells each entry only once it
 * is durable. What is asked for while a write is under way is written together with the next one.
 */
export interface Journal {
  readonly state: RunState;
  /** @throws RollbackError `LEASE_LOST`, or why the store could not take it; nothing more may then be moved. */
  append(entry: NewEntry): Promise<void>;
}

/** Tries of a write that may work later, with pauses that double: 12.6 s in all, less than the time of a lease. */
const ATTEMPTS = 7;
const PAUSE_MS = 200;

interface Waiting {
  entry: JournalEntry;
  resolve(): void;
  reject(error: unknown): void;
}

export function createJournal(parts: {
  store: StateStore;
  lease: Lease;
  state: RunState;
  clock: Clock;
  emit: EventSink;
}): Journal {
  const { store, lease, state, clock, emit } = parts;
  let waiting: Waiting[] = [];
  let writing = false;
  let failure: { error: unknown } | undefined;

  async function writeWaiting(): Promise<void> {
    // What is asked for in the same turn of the event loop goes together too.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await write(group);
      } catch (error) {
        // None after one that failed: the journal has no holes.
        failure = { error };
        for (const { reject } of [...group, ...waiting]) reject(error);
        return;
      }
    }
    writing = false;
  }

  /** Takes from `group` what has become durable. */
  async function write(group: Waiting[]): Promise<void> {
    let unsure = false;
    for (let attempt = 1; ; attempt++) {
      try {
        // The acknowledgement may be what was lost, not the entries.
        if (unsure) settle(group, await countWritten(group));
        unsure = false;
        if (group.length === 0) return;
        const entries = group.map(({ entry }) => entry);
        await store.append(lease, state.runId, entries);
        return settle(group, group.length);
      } catch (error) {
        if (!(error instanceof RollbackError) || !error.retriable || attempt === ATTEMPTS) throw error;
        unsure = true;
        await clock.sleep(PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }

  /** How many of the group's first entries are the last ones of the journal. */
  async function countWritten(group: readonly Waiting[]): Promise<number> {
    const there = await store.read(state.runId);
    const asked: JournalEntry[] = JSON.parse(JSON.stringify(group.map(({ entry }) => entry)));
    let count = Math.min(asked.length, there.length);
    while (count > 0 && !isDeepStrictEqual(there.slice(-count), asked.slice(0, count))) count--;
    return count;
  }

  function settle(group: Waiting[], count: number): void {
    for (const { entry, resolve } of group.slice(0, count)) {
      applyEntry(state, entry);
      emit({ type: 'entry', entry });
      group.shift();
      resolve();
    }
  }

  return {
    state,
    append(entry) {
      const at = new Date(clock.now()).toISOString();
      const done = new Promise<void>((resolve, reject) => {
        if (failure) return reject(failure.error);
        waiting.push({ entry: { ...entry, at } as JournalEntry, resolve, reject });
      });
      done.catch(() => {
        // Whoever asked is told; an entry that nobody awaits must not end the process.
      });
      if (!writing && !failure) {
        writing = true;
        void writeWaiting();
      }
      return done;
    },
  };
}
