import { distance } from 'fastest-levenshtein';
import type { HolderState } from '../../src/adapters/process-identity.ts';
import { journalTaken, leaseHeld, leaseLost } from '../../src/adapters/store/lease-error.ts';
import type { Lease, StateStore } from '../../src/adapters/store/store.ts';
import { LEASE_TTL_MS } from '../../src/adapters/store/store.ts';
import type { Clock } from '../../src/model/clock.ts';
import { isoTime } from '../../src/model/clock.ts';
import { EXIT, RollbackError } from '../../src/model/error.ts';
import type { Holder, JournalEntry } from '../../src/model/journal.ts';

/** What several clients share: the disk, so to speak. Values are kept as JSON text, as on a disk. */
export interface MemoryState {
  runs: Map<string, { service: string; epoch: number; text: string }[]>;
  leases: Map<
    string,
    { version: number; epoch: number; holder: Holder; state: 'held' | 'released'; at: string }
  >;
  documents: Map<string, { text: string; version: number }>;
}

export interface MemoryStoreOptions {
  clock: Clock;
  /** Default: a new one. Stores with the same state are clients of the same folder. */
  state?: MemoryState;
  /** Default: every holder is `elsewhere`. */
  holderState?: (holder: Holder) => HolderState;
}

/** Faults to come. Each is used up by what it hits. */
export interface MemoryStoreFaults {
  /** So many appends throw a retriable error and write nothing. */
  failAppends(count: number): void;
  /** So many appends are written and throw a retriable error all the same. */
  loseAcknowledgements(count: number): void;
  /** Another holder takes the lease now. */
  stealLease(service: string): Lease;
  /**
   * This client dies at its `nth` journal write from now (1: the next), before or after the entry is there. From then
   * on every call, also those under way, is left without an answer; `onCrash` is called once.
   */
  crashAt(nth: number, when: 'before' | 'after', onCrash: () => void): void;
}

export interface MemoryStore extends StateStore {
  readonly state: MemoryState;
  readonly faults: MemoryStoreFaults;
  /** Journal entries that this client wrote. */
  readonly journalWrites: number;
}

export function memoryState(): MemoryState {
  return { runs: new Map(), leases: new Map(), documents: new Map() };
}

/** A client of a state in memory, with the semantics of the file store. */
export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  const { clock, state = memoryState(), holderState = () => 'elsewhere' } = options;
  const next = new Map<string, number>();
  let failing = 0;
  let losing = 0;
  let writes = 0;
  let crash: { at: number; when: 'before' | 'after'; onCrash: () => void } | undefined;
  let crashed = false;

  /** Every call goes through here: it takes a turn of the event loop, and a dead client gets no answer. */
  async function alive<T>(work: () => T | Promise<T>): Promise<T> {
    await Promise.resolve();
    if (crashed) return new Promise<T>(() => {});
    try {
      return await work();
    } catch (error) {
      if (crashed) return new Promise<T>(() => {});
      throw error;
    }
  }

  function checkLease(lease: Lease): void {
    const now = state.leases.get(lease.service);
    if (now?.state !== 'held' || now.epoch !== lease.epoch) throw leaseLost(lease, now);
  }

  function writeEntry(runId: string, lease: Lease, entry: JournalEntry): void {
    if (failing > 0) {
      failing--;
      throw storeFault('The entry was not written');
    }
    const dies = crash !== undefined && writes + 1 === crash.at ? crash : undefined;
    if (dies?.when === 'before') die(dies.onCrash);
    const entries = state.runs.get(runId) ?? [];
    entries.push({ service: lease.service, epoch: lease.epoch, text: JSON.stringify(entry) });
    state.runs.set(runId, entries);
    writes++;
    if (dies) die(dies.onCrash);
    if (losing > 0) {
      losing--;
      throw storeFault('The acknowledgement was lost');
    }
  }

  function appendOne(lease: Lease, runId: string, entry: JournalEntry): void {
    const count = state.runs.get(runId)?.length ?? 0;
    if (count === 0) throw notFound(runId, state);
    checkLease(lease);
    const number = next.get(runId) ?? count + 1;
    if (number <= count) throw journalTaken(lease, runId, number);
    writeEntry(runId, lease, entry);
    next.set(runId, number + 1);
  }

  function die(onCrash: () => void): never {
    crashed = true;
    onCrash();
    throw new Error('This client is dead.');
  }

  function writeLease(lease: Lease, held: 'held' | 'released'): void {
    const version = (state.leases.get(lease.service)?.version ?? 0) + 1;
    const { epoch, holder } = lease;
    state.leases.set(lease.service, { version, epoch, holder, state: held, at: isoTime(clock) });
  }

  function runUnder(service: string, epoch: number): string | undefined {
    const ids = [...state.runs.keys()].sort().reverse();
    return ids.find((id) => {
      const last = state.runs.get(id)?.at(-1);
      return last?.service === service && last.epoch === epoch;
    });
  }

  return {
    name: 'memory/',
    state,
    get journalWrites() {
      return writes;
    },
    faults: {
      failAppends(count) {
        failing = count;
      },
      loseAcknowledgements(count) {
        losing = count;
      },
      stealLease(service) {
        const epoch = (state.leases.get(service)?.epoch ?? 0) + 1;
        const lease = { service, epoch, holder: THIEF };
        writeLease(lease, 'held');
        return lease;
      },
      crashAt(nth, when, onCrash) {
        crash = { at: writes + nth, when, onCrash };
      },
    },

    create: (lease, runId, first) =>
      alive(() => {
        checkLease(lease);
        if (state.runs.has(runId)) {
          throw new RollbackError({
            code: 'RUN_EXISTS',
            summary: `There already is a run ${runId}`,
            exit: EXIT.refused,
          });
        }
        writeEntry(runId, lease, first);
        next.set(runId, 2);
      }),
    // One by one, as the file store does: a fault may come in the middle of a group.
    append: (lease, runId, entries) =>
      alive(async () => {
        for (const entry of entries) await alive(() => appendOne(lease, runId, entry));
      }),
    read: (runId) =>
      alive(() => {
        const entries = state.runs.get(runId);
        if (!entries) throw notFound(runId, state);
        next.set(runId, entries.length + 1);
        return entries.map(({ text }) => JSON.parse(text));
      }),
    list: () => alive(() => [...state.runs.keys()].sort()),

    acquireLease: (service, holder, signal) =>
      alive(async () => {
        let watched: { version: number; since: number } | undefined;
        for (;;) {
          signal.throwIfAborted();
          const seen = state.leases.get(service);
          if (seen?.state === 'held') {
            const theirs = holderState(seen.holder);
            const now = clock.monotonic();
            watched ??= { version: seen.version, since: now };
            const beats = watched.version !== seen.version && theirs === 'elsewhere';
            if (theirs === 'alive' || beats) {
              throw leaseHeld(service, seen.holder, seen.at, runUnder(service, seen.epoch), clock.now());
            }
            if (theirs === 'elsewhere' && now - watched.since < LEASE_TTL_MS) {
              await clock.sleep(Math.min(1_000, LEASE_TTL_MS - (now - watched.since)), signal);
              continue;
            }
          }
          const lease = { service, epoch: (seen?.epoch ?? 0) + 1, holder };
          writeLease(lease, 'held');
          return lease;
        }
      }),
    renew: (lease) =>
      alive(() => {
        checkLease(lease);
        writeLease(lease, 'held');
      }),
    release: (lease) =>
      alive(() => {
        const now = state.leases.get(lease.service);
        if (now?.state === 'held' && now.epoch === lease.epoch) writeLease(lease, 'released');
      }),
    lease: (service) =>
      alive(() => {
        const seen = state.leases.get(service);
        if (!seen) return undefined;
        const held = seen.state === 'held' && holderState(seen.holder) !== 'gone';
        return { service, epoch: seen.epoch, holder: seen.holder, renewedAt: seen.at, held };
      }),

    get: (kind, name) =>
      alive(() => {
        const seen = state.documents.get(documentKey(kind, name));
        return seen && { value: JSON.parse(seen.text), version: seen.version };
      }),
    put: (kind, name, value, expected) =>
      alive(() => {
        const key = documentKey(kind, name);
        const version = state.documents.get(key)?.version ?? 0;
        if (version !== expected) {
          throw new RollbackError({
            code: 'DOCUMENT_CHANGED',
            summary: `${kind}/${name} was changed by another client`,
            retriable: true,
          });
        }
        state.documents.set(key, { text: JSON.stringify(value), version: version + 1 });
      }),
    names: (kind) =>
      alive(() =>
        [...state.documents.keys()]
          .map((key) => JSON.parse(key) as [string, string])
          .filter(([itsKind]) => itsKind === kind)
          .map(([, name]) => name)
          .sort(),
      ),
  };
}

const THIEF: Holder = { host: 'other-host', user: 'somebody', pid: 1, processStart: '1@elsewhere/1' };

function documentKey(kind: string, name: string): string {
  return JSON.stringify([kind, name]);
}

function storeFault(summary: string): RollbackError {
  return new RollbackError({ code: 'STATE_UNUSABLE', summary, retriable: true });
}

function notFound(runId: string, state: MemoryState): RollbackError {
  const near = [...state.runs.keys()].sort((a, b) => distance(runId, a) - distance(runId, b)).slice(0, 3);
  return new RollbackError({
    code: 'RUN_NOT_FOUND',
    summary: `There is no run "${runId}"`,
    detail: near.length > 0 ? `The nearest in memory/: ${near.join(', ')}.` : 'memory/ has no runs yet.',
    fix: 'See all runs: rollback-deploy-auto history',
    exit: EXIT.usage,
  });
}
