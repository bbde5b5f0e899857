import type { Holder, JournalEntry } from '../../model/journal.ts';

/** The right to move a service. At most one is in force; its epoch is higher than any before. */
export interface Lease {
  service: string;
  epoch: number;
  holder: Holder;
}

export interface LeaseInfo extends Lease {
  /** ISO 8601; the last heartbeat. */
  renewedAt: string;
  /** False where the holder is known to be gone (its process on this host), or let it go. */
  held: boolean;
}

export interface VersionedDocument<T> {
  value: T;
  /** Opaque to callers but for handing it back. */
  version: number;
}

/**
 * The journal, the lease, and documents with compare-and-set. Never in the database that a run may restore.
 * Every write is durable (fsynced or acknowledged) when its promise resolves.
 */
export interface StateStore {
  /** Printed to people, e.g. `.rollback/`. */
  readonly name: string;

  /** Starts a journal with its first entry. @throws RollbackError `RUN_EXISTS` */
  create(lease: Lease, runId: string, first: JournalEntry): Promise<void>;
  /**
   * Writes entries in order, at least one. A store that can writes them in one durable write; in others a call that
   * throws may have written some of them, always the first ones. After a retriable error, what is there is told only
   * by `read`.
   * @throws RollbackError `LEASE_LOST` where the lease is no longer in force or another holder appended meanwhile;
   * the entry that met it and all after it are then not written.
   */
  append(lease: Lease, runId: string, entries: readonly JournalEntry[]): Promise<void>;
  /** Every entry in order. @throws RollbackError `RUN_NOT_FOUND` (exit 2, lists the nearest), `JOURNAL_UNREADABLE` */
  read(runId: string): Promise<JournalEntry[]>;
  /** Ids of all runs, oldest first. */
  list(): Promise<string[]>;

  /**
   * Takes the lease. A holder whose process on this host is gone is followed at once; any other only after it has not
   * renewed for `LEASE_TTL_MS` of this process's own clock.
   * @throws RollbackError `LEASE_HELD` naming the holder, its last heartbeat and how to take over.
   */
  acquireLease(service: string, holder: Holder, signal: AbortSignal): Promise<Lease>;
  /** @throws RollbackError `LEASE_LOST` */
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;
  lease(service: string): Promise<LeaseInfo | undefined>;

  get<T>(kind: string, name: string): Promise<VersionedDocument<T> | undefined>;
  /**
   * Compare-and-set: `expected` is the version read before, or 0 for a new document.
   * @throws RollbackError `DOCUMENT_CHANGED` (retriable)
   */
  put<T>(kind: string, name: string, value: T, expected: number): Promise<void>;
  /** Names of the documents of a kind. */
  names(kind: string): Promise<string[]>;
}

/** Heartbeats are sent every third of it. */
export const LEASE_TTL_MS = 15_000;
