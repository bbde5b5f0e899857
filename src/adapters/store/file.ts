import { isAbsolute, join, relative } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import type { Holder, JournalEntry } from '../../model/journal.ts';
import { type HolderState, holderState as lookUpHolder } from '../process-identity.ts';
import { countEntries, listRuns, readEntries, readLastEntry, writeEntry } from './file-journal.ts';
import { fileLeases } from './file-lease.ts';
import { journalTaken } from './lease-error.ts';
import { foldersIn } from './numbered-log.ts';
import { documentChanged, isRunId, runExists, runNotFound } from './run-error.ts';
import type { Lease, StateStore } from './store.ts';
import { readHead, replaceHead } from './versioned-file.ts';

export interface FileStoreOptions {
  /** The state folder, absolute. It need not exist; it is made, mode 0700, by the first write. */
  path: string;
  clock: Clock;
  /** Looks a lease's holder up. Default: by process id and start time on this host. */
  holderState?: (holder: Holder) => HolderState;
}

/**
 * State in a folder, on one primitive: the exclusive creation of the next number (`writeNumber`).
 *
 * An entry is written only where the lease is in force **and** its number is the one that this client expects, which
 * it counts from what it last read or wrote. The first check alone could be outrun: a client may sleep between the
 * check and the write while another takes over. The second can't: whoever takes over reads the journal and then
 * appends its own entry (`leased`), so the sleeper's number is taken when it wakes, and its entry is refused. Should
 * the sleeper wake in between, then the one who takes over collides, has not moved anything yet, and starts again from
 * what is there now.
 */
export function fileStore(options: FileStoreOptions): StateStore {
  const { path, clock, holderState = lookUpHolder } = options;
  const runs = join(path, 'runs');
  const documents = join(path, 'documents');
  const name = displayName(path);
  const leases = fileLeases({ folder: join(path, 'leases'), clock, holderState, runUnder, highestEpoch });
  /** By run: the number of the next entry, as this client knows the journal. */
  const next = new Map<string, number>();

  function know(runId: string, number: number): void {
    // A read may end after an append that it did not see. Journals only grow.
    next.set(runId, Math.max(number, next.get(runId) ?? 0));
  }

  async function runUnder(service: string, epoch: number): Promise<string | undefined> {
    const newest = (await listRuns(runs)).reverse().slice(0, 20);
    for (const runId of newest) {
      const last = await readLastEntry(runs, runId);
      if (last?.service === service && last.epoch === epoch) return runId;
    }
    return undefined;
  }

  async function highestEpoch(service: string): Promise<number> {
    const ids = await listRuns(runs);
    const last = await Promise.all(ids.map((runId) => readLastEntry(runs, runId)));
    return Math.max(0, ...last.map((file) => (file?.service === service ? file.epoch : 0)));
  }

  async function appendOne(lease: Lease, runId: string, entry: JournalEntry): Promise<void> {
    // Before the check of the lease, so that whoever took it after the check finds this number first, or takes it.
    const count = await countEntries(runs, runId);
    const number = next.get(runId) ?? count + 1;
    if (count === 0) throw runNotFound(runId, await listRuns(runs), name);
    await leases.check(lease);
    const file = { service: lease.service, epoch: lease.epoch, entry };
    if ((await writeEntry(runs, runId, number, file)) === 'taken') {
      throw journalTaken(lease, runId, number);
    }
    know(runId, number + 1);
  }

  return {
    name,

    async create(lease, runId, first) {
      if (!isRunId(runId)) throw new Error(`"${runId}" can't be the id of a run.`);
      await leases.check(lease);
      const file = { service: lease.service, epoch: lease.epoch, entry: first };
      if ((await writeEntry(runs, runId, 1, file)) === 'taken') throw runExists(runId);
      know(runId, 2);
    },

    async append(lease, runId, entries) {
      for (const entry of entries) await appendOne(lease, runId, entry);
    },

    async read(runId) {
      const files = await readEntries(runs, runId);
      if (files.length === 0) throw runNotFound(runId, await listRuns(runs), name);
      know(runId, files.length + 1);
      return files.map((file) => file.entry);
    },

    list: () => listRuns(runs),

    acquireLease: leases.acquire,
    renew: leases.renew,
    release: leases.release,
    lease: leases.info,

    async get<T>(kind: string, document: string) {
      const head = await readHead<T>(join(documents, encodeName(kind), encodeName(document)));
      return head && { value: head.value, version: head.number };
    },

    async put<T>(kind: string, document: string, value: T, expected: number) {
      const folder = join(documents, encodeName(kind), encodeName(document));
      const head = await readHead<T>(folder);
      if ((head?.number ?? 0) !== expected || !(await replaceHead(folder, head, value))) {
        throw documentChanged(kind, document);
      }
    },

    async names(kind) {
      const folder = join(documents, encodeName(kind));
      const encoded = await foldersIn(folder);
      const heads = await Promise.all(encoded.map((each) => readHead(join(folder, each))));
      return encoded.filter((_, i) => heads[i] !== undefined).map(decodeURIComponent);
    },
  };
}

/** A name as one path segment. Dots are encoded too where they lead: `..` is a name like any other. */
function encodeName(text: string): string {
  return encodeURIComponent(text).replace(/^\.+/, (dots) => '%2E'.repeat(dots.length));
}

function displayName(path: string): string {
  const shown = relative(process.cwd(), path);
  return `${shown === '' || shown.startsWith('..') || isAbsolute(shown) ? path : shown}/`;
}
