import { ApiError, isNotFound, isPreconditionFailed } from '../../../kubernetes/api-error.ts';
import type { PatchOperation } from '../../../kubernetes/cluster.ts';
import type { Clock } from '../../../model/clock.ts';
import type { JournalEntry } from '../../../model/journal.ts';
import { journalTaken } from '../lease-error.ts';
import { isRunId, runExists, runNotFound } from '../run-error.ts';
import type { Lease, StateStore } from '../store.ts';
import type { ClusterLeases } from './cluster-leases.ts';
import { journalUnreadable } from './config-map.ts';
import {
  compress,
  decompress,
  INLINE_BYTES,
  intoSegments,
  parseRow,
  type Row,
  type Rows,
  rowKey,
} from './journal-rows.ts';
import { headName } from './object-names.ts';
import type { RunHead, RunHeader, RunHeads } from './run-heads.ts';
import type { SealedSegments } from './sealed-segments.ts';

export interface ClusterJournalParts {
  heads: RunHeads;
  sealed: SealedSegments;
  leases: ClusterLeases;
  clock: Clock;
  storeName: string;
}

const TRIES = 5;
const PAUSE_MS = 100;

/**
 * Journals of runs. The open end of each is one ConfigMap with the last entries; an append is one patch of it, on
 * condition that its header, with the number of entries and the epoch that may append, is the one this client knows.
 */
export function clusterJournal({
  heads,
  sealed,
  leases,
  clock,
  storeName,
}: ClusterJournalParts): Pick<StateStore, 'create' | 'append' | 'read' | 'list'> {
  /** By run: how many entries there are, as this client knows the journal from reading and writing it. */
  const known = new Map<string, number>();
  /** By run that this client writes: the open end as it last wrote it. */
  const last = new Map<string, RunHead>();

  function know(run: string, entries: number): void {
    // A read may end after an append that it did not see. Journals only grow.
    known.set(run, Math.max(entries, known.get(run) ?? 0));
  }

  function wrote(head: RunHead): void {
    know(head.header.run, head.header.entries);
    last.set(head.header.run, head);
  }

  const list = async () => (await heads.list()).map(({ header }) => header.run);

  async function load(runId: string): Promise<RunHead> {
    const head = isRunId(runId) ? await heads.load(runId) : undefined;
    if (head === undefined) throw runNotFound(runId, await list(), storeName);
    return head;
  }

  /** The open end; read where this client has not written it last. */
  async function open(runId: string): Promise<RunHead> {
    const head = last.get(runId);
    return head !== undefined && head.header.entries === known.get(runId) ? head : load(runId);
  }

  /** Rows behind the last entry. What is too large is kept before anything refers to it. */
  async function rowsFor(
    header: RunHeader,
    { epoch }: Lease,
    entries: readonly JournalEntry[],
  ): Promise<Rows> {
    const rows: Rows = {};
    for (const [i, entry] of entries.entries()) {
      const text = JSON.stringify({ epoch, entry } satisfies Row);
      rows[rowKey(header.entries + i + 1)] =
        Buffer.byteLength(text) <= INLINE_BYTES
          ? text
          : JSON.stringify({ epoch, parts: await keep(header, text) });
    }
    return rows;
  }

  async function keep(header: RunHeader, text: string): Promise<string[]> {
    const pieces = await compress(text);
    return Promise.all(pieces.map((piece) => sealed.sealPart(header, piece)));
  }

  /** The open end with more rows; where they do not fit, all but the last of them are sealed first. */
  async function write(head: RunHead, lease: Lease, entries: readonly JournalEntry[]): Promise<RunHead> {
    const { header } = head;
    const rows = await rowsFor(header, lease, entries);
    const segments = intoSegments({ ...head.rows, ...rows });
    const end = segments.pop() as Rows;
    const full = await Promise.all(segments.map((segment) => sealed.sealRows(header, segment)));
    const operations: PatchOperation[] =
      full.length > 0
        ? [{ op: 'add', path: '/data', value: end }]
        : Object.entries(rows).map(([key, value]) => ({ op: 'add', path: `/data/${key}`, value }));
    const next: RunHeader = {
      ...header,
      epoch: lease.epoch,
      entries: header.entries + entries.length,
      sealed: [...header.sealed, ...full],
    };
    return heads.write(head, next, operations);
  }

  return {
    list,

    async create(lease, runId, first) {
      if (!isRunId(runId)) throw new Error(`"${runId}" can't be the id of a run.`);
      await leases.register(lease, runId);
      const { service, epoch } = lease;
      const header: RunHeader = { format: 1, service, run: runId, epoch, entries: 0, sealed: [] };
      const rows = await rowsFor(header, lease, [first]);
      const head = await createHead(heads, { ...header, entries: 1 }, rows, clock);
      try {
        // Whoever took over before the head was there could not fence it off; whoever does from now on can.
        await leases.check(lease);
      } catch (error) {
        await heads.remove(head);
        throw error;
      }
      wrote(head);
    },

    async append(lease, runId, entries) {
      let head = await open(runId);
      const expected = known.get(runId) ?? head.header.entries;
      await leases.register(lease, runId);
      for (let tries = 1; ; tries++) {
        if (head.header.entries !== expected || head.header.epoch > lease.epoch) {
          await leases.check(lease);
          throw journalTaken(lease, runId, expected + 1);
        }
        try {
          wrote(await write(head, lease, entries));
          return;
        } catch (error) {
          last.delete(runId);
          const gone = isNotFound(error);
          if (!gone && (!isPreconditionFailed(error) || tries === TRIES)) throw error;
          head = await load(runId);
        }
      }
    },

    async read(runId) {
      const head = await load(runId);
      const { header } = head;
      const whole = await withSealed(head, sealed);
      for (let number = 1; number <= header.entries; number++) {
        if (whole.has(rowKey(number))) continue;
        throw journalUnreadable(`Entry ${number} is missing from ConfigMap ${headName(runId)}.`);
      }
      know(runId, header.entries);
      return [...whole.values()];
    },
  };
}

/** Creates the head of a run; a head that is there although the answer was lost counts as created. */
async function createHead(heads: RunHeads, header: RunHeader, rows: Rows, clock: Clock): Promise<RunHead> {
  for (let tries = 1; ; tries++) {
    try {
      return await heads.create(header, rows);
    } catch (error) {
      const taken = error instanceof ApiError && error.reason === 'AlreadyExists';
      if (taken && tries === 1) throw runExists(header.run);
      if (!isPreconditionFailed(error) && !(error instanceof ApiError && error.retriable)) throw error;
      const there = await heads.load(header.run);
      if (there?.text === JSON.stringify(header) && JSON.stringify(there.rows) === JSON.stringify(rows))
        return there;
      if (there) throw runExists(header.run);
      if (tries === TRIES) throw error;
      await clock.sleep(PAUSE_MS * tries);
    }
  }
}

/** Every entry by its key, in order. Sealed objects are read only where there are any. */
async function withSealed(head: RunHead, sealed: SealedSegments): Promise<Map<string, JournalEntry>> {
  const { run } = head.header;
  const kept = async () => sealed.load(run);
  let loaded: Awaited<ReturnType<typeof kept>> | undefined;
  const rows: Rows = {};
  for (const hash of head.header.sealed) {
    loaded ??= await kept();
    Object.assign(rows, loaded.segment(hash));
  }
  Object.assign(rows, head.rows);
  const entries = new Map<string, JournalEntry>();
  for (const key of Object.keys(rows).sort()) {
    const row = parseRow(headName(run), key, rows[key] as string);
    if ('entry' in row) {
      entries.set(key, row.entry);
      continue;
    }
    loaded ??= await kept();
    const { part } = loaded;
    const whole = parseRow(headName(run), key, await decompress(row.parts.map(part)));
    if (!('entry' in whole)) throw journalUnreadable(`Entry ${key} of run ${run} refers to itself.`);
    entries.set(key, whole.entry);
  }
  return entries;
}
