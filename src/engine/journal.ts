import { isDeepStrictEqual } from 'node:util';
import type { Lease, StateStore } from '../adapters/store/store.ts';
import type { Clock } from '../model/clock.ts';
import { RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { RunState } from '../model/run-state.ts';
import { applyEntry } from '../model/run-state.ts';

/** An entry as callers make it; the journal adds the time. */
export type NewEntry = JournalEntry extends infer Entry
  ? Entry extends JournalEntry
    ? Omit<Entry, 'at'>
    : never
  : never;

/** Writes a run's entries in order, keeps its state, and tells each entry only once it is durable. */
export interface Journal {
  readonly state: RunState;
  /** @throws RollbackError `LEASE_LOST`, or why the store could not take it; nothing more may then be moved. */
  append(entry: NewEntry): Promise<void>;
}

const ATTEMPTS = 5;
const PAUSE_MS = 200;

export function createJournal(parts: {
  store: StateStore;
  lease: Lease;
  state: RunState;
  clock: Clock;
  emit: EventSink;
}): Journal {
  const { store, lease, state, clock, emit } = parts;
  let last: Promise<void> = Promise.resolve();

  async function write(entry: JournalEntry): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await store.append(lease, state.runId, entry);
        break;
      } catch (error) {
        if (!(error instanceof RollbackError) || !error.retriable || attempt === ATTEMPTS) throw error;
        await clock.sleep(PAUSE_MS);
        // The acknowledgement may be what was lost, not the entry.
        const entries = await store.read(state.runId);
        if (isDeepStrictEqual(entries.at(-1), JSON.parse(JSON.stringify(entry)))) break;
      }
    }
    applyEntry(state, entry);
    emit({ type: 'entry', entry });
  }

  return {
    state,
    append(entry) {
      // One after the other, and none after one that failed: the journal has no holes.
      const next = last.then(() =>
        write({ ...entry, at: new Date(clock.now()).toISOString() } as JournalEntry),
      );
      last = next;
      next.catch(() => {});
      return next;
    },
  };
}
