import type { DatabaseFacts } from '../../model/facts.ts';
import type { HistoryRow } from '../../model/migration-history.ts';
import type { RestorePoint, RestorePointSource } from '../../model/restore-point.ts';
import type { CountedLoss, Down, Loss } from '../../model/reversal.ts';
import type { LiveCatalog } from '../../schema-changes/live-catalog.ts';
import type { ReplayStatement } from '../../schema-changes/replay.ts';

/** A finished backup. */
export interface Backup {
  /** `backup-YYYYMMDD-HHMMSS.sql` or `.dump`, UTC. */
  name: string;
  /** Absolute. */
  path: string;
  bytes: number;
  /** SHA-256 of the file, hex. */
  sha256: string;
  /** Rows by table, counted inside the dump's own snapshot. */
  rows: Record<string, number>;
  /** SHA-256 over schema and content as read in the snapshot, hex; what `verify` compares with. */
  contentHash: string;
  /** What it does not hold exactly as the database does, in full sentences (default: nothing). */
  notes?: string[];
  tookMs: number;
}

/** Where the migration tool keeps what is applied. */
export interface HistoryTable {
  table: string;
  /** The schema (in MySQL the database) that it is in; left out where that is the current one. */
  schema?: Partial<Record<DatabaseFacts['engine'], string>>;
  /** What identifies a migration. */
  column: string;
  /** SQL that reads the table as its tool means it. Default: the column is all there is. */
  query?(engine: DatabaseFacts['engine']): string;
}

export interface BackupProgress {
  /** Written so far. */
  bytes: number;
  rows: number;
  /** About how long it takes still, ms; undefined where nothing tells. */
  leftMs?: number | undefined;
}

/** `full`: read whole, restored to scratch, and compared. `read`: read whole, its SHA-256 and its end checked. */
export type VerifyDepth = 'full' | 'read';

export interface BackupContext {
  /** ms since the epoch; names the backup. */
  nowMs: number;
  /** The run it belongs to, written into it; undefined where it belongs to none. */
  run?: string;
  signal: AbortSignal;
  progress(p: BackupProgress): void;
}

export interface RestorePointContext {
  /** ms since the epoch; part of its name. */
  nowMs: number;
  /** The run it belongs to. */
  run: string;
  signal: AbortSignal;
  progress(message: string): void;
}

/** What the rows of the history say of a down: it is the next to run, it was taken back already, or neither. */
export type HistoryVerdict = { state: 'next' } | { state: 'gone' } | { state: 'other'; why: string };

/** What taking back went through. */
export interface TakenBack {
  /**
   * Where each statement commits by itself: the schema before them and after each, as hashes. What a crash left is told by
   * them. Left out where all is one transaction.
   */
  states?: string[];
  /** Set where nothing of it had taken effect, and nothing was to be begun. */
  left?: true;
  /** Statements that kept writers of their table waiting while they ran; default: not known. */
  blocking?: string[];
}

export interface TakeBackOptions {
  /** Another database on the same server; for SQLite another file, absolute. Default: this one. */
  inside?: string;
  /** Longest time of a statement, ms: locks are held no longer. */
  statementMs: number;
  /** Reads the history as the migration tool means it. */
  judge(rows: readonly HistoryRow[]): HistoryVerdict;
  /** Whether it is only gone on with where a part of it took effect. Default false. */
  begunOnly?: boolean;
  /** The `states` that the trial on a copy went through; left out in the trial itself. */
  states?: readonly string[] | undefined;
  signal: AbortSignal;
}

/** The way back of a schema. */
export interface Reversible {
  /**
   * Runs a down and takes it out of the history, in one transaction that also checks that it is next: either both took
   * effect or neither. Where DDL can't be in a transaction, each statement is one; how many took effect is kept in the
   * database and in `states`, so that another call goes on with the next, whatever became of the process. A lock is waited
   * for 500 ms, on MySQL 1 s.
   * @throws RollbackError `DOWN_LOCKED` (retriable) where a lock was not to be had; `DOWN_FAILED` where the database refuses
   *   it, `DOWN_NOT_NEXT` where the history says otherwise, `DOWN_NOT_TRIED` where the schema is another than in the trial:
   *   with nothing changed; `DOWN_BETWEEN` where some of its statements took effect, and which
   */
  takeBack(down: Down, options: TakeBackOptions): Promise<TakenBack>;
  /** Restores a backup to scratch for `work`, which is told its name, as `takeBack` is told it. Deleted whatever happens. */
  withCopy<T>(backup: Backup, signal: AbortSignal, work: (place: string) => Promise<T>): Promise<T>;
  /**
   * Counts what would be lost, each in one read-only query within 5 s, with no lock that makes writers wait. What
   * can't be counted says why.
   */
  countLosses(losses: readonly Loss[], signal: AbortSignal): Promise<CountedLoss[]>;
}

/**
 * What a server says of a statement that it prepared. `fails: true`: its schema is not what the statement needs. `unknown`:
 * it could not be prepared for another reason.
 */
export type Prepared = { fails: false } | { fails: true | 'unknown'; error: string };

/** A table as a backup has it and as it is now. */
export interface TableChange {
  table: string;
  /** Rows in the backup; undefined where it has no such table. */
  before: number | undefined;
  /** Rows now. */
  now: number | undefined;
}

/** Where a restored copy and the database that it replaces are kept, beside the database. */
export interface SwapPlaces {
  restored: string;
  kept: string;
}

/** Puts a restored copy in the place of a database. */
export interface Swap {
  /** What a person agrees to by name. */
  ownName(): Promise<string>;
  /** @param id Letters, digits and `_`. */
  places(id: string): Promise<SwapPlaces>;
  /** Why it can't be done with this database, in full sentences. Default: nothing stands in the way. */
  obstacles?(signal: AbortSignal): Promise<string[]>;
  /**
   * Restores the copy, as `Database.restore`.
   * @throws RollbackError `RESTORE_FAILED`; `RESTORE_BY_HAND` where the copy could not be swapped in; then it is gone again
   */
  restore(backup: Backup, places: SwapPlaces, signal: AbortSignal): Promise<void>;
  /** Whether the copy has been restored whole, or is in place already; neither for none. */
  state(places: SwapPlaces, signal: AbortSignal): Promise<'none' | 'restored' | 'swapped'>;
  /**
   * The copy gets the name of the database, which is kept under another: at any moment one of the two has it. On PostgreSQL
   * connections to the database are ended, on MySQL its transactions are waited for; a file must not be open anywhere.
   * @throws RollbackError `DATABASE_IN_USE`, `RESTORE_FAILED`; then nothing was swapped
   */
  swap(places: SwapPlaces, signal: AbortSignal): Promise<void>;
  /** Removes what is left of the copy once it is in place. Default: nothing is. */
  tidy?(places: SwapPlaces, signal: AbortSignal): Promise<void>;
}

/** Going back to a backup. */
export interface Restorable {
  /** A finished backup of this database; the newest where none is named. */
  findBackup(name: string | undefined): Promise<Backup | undefined>;
  /**
   * Tables whose rows are not those of the backup, counted and hashed, or that the definitions are others; empty where
   * nothing was written since.
   */
  changesSince(backup: Backup, signal: AbortSignal): Promise<TableChange[]>;
  readonly swap: Swap;
}

/** A database whose schema must fit the release that runs on it. */
export interface Database extends Reversible, Restorable {
  /** Printed to people, e.g. `sqlite data/shop.db`. Never with credentials. */
  readonly name: string;
  /** Whether DDL can be undone in a transaction; where not, each statement of a down commits by itself. */
  readonly supportsTransactionalDdl: boolean;
  /** Reads the history and the size; takes no lock that makes writers wait. */
  facts(signal: AbortSignal): Promise<DatabaseFacts>;
  /**
   * Reads the schema, and no rows; takes no lock that makes writers wait.
   * @param inside Another database on the same server; for SQLite another file, absolute. Default: this one.
   * @throws RollbackError `DATABASE_UNREADABLE`
   */
  catalog(signal: AbortSignal, inside?: string): Promise<LiveCatalog>;
  /**
   * Makes an empty database beside this one for `work`, which is told its name (for SQLite the path of a file that is
   * still to be made), as `catalog` and `restore` are told it. Deleted whatever happens; one that a killed process left
   * is deleted by the next.
   */
  withEmpty<T>(signal: AbortSignal, work: (place: string) => Promise<T>): Promise<T>;
  /**
   * Runs statements in an empty database of their own beside this one, and reads the schema that they make. On a server as
   * a user of its own, who has rights there and nowhere else; both are dropped whatever happens. Nothing is run with more
   * rights than that. Statements must be what `planReplay` lets pass.
   * @param deadline Ends the statements; what was made is dropped nevertheless.
   * @throws RollbackError `REPLAY_REFUSED`: such a user can't be made, or can't log in. `REPLAY_FAILED`: a statement fails.
   *   `SCRATCH_LEFT`: the user could not be dropped.
   */
  replay(
    statements: readonly ReplayStatement[],
    signal: AbortSignal,
    deadline: AbortSignal,
  ): Promise<LiveCatalog>;
  /**
   * Has the server read each statement against its schema, and plan it where it can; none is run.
   * @param texts One statement each, of those that read or change rows.
   */
  prepare(texts: readonly string[], signal: AbortSignal): Promise<Prepared[]>;
  /** Statements that were run in it, where the server keeps them and lets them be seen; undefined where it does not. */
  statements?(signal: AbortSignal): Promise<string[] | undefined>;
  /**
   * Takes a logical backup in one read snapshot. Written under a temporary name, fsynced, renamed, mode 0600.
   * @throws RollbackError `BACKUP_FAILED`, with what is missing and the way out.
   */
  backUp(context: BackupContext): Promise<Backup>;
  /** The newest finished backup that the run took at or after `sinceMs`; undefined where it took none. */
  backupOf(run: string, sinceMs: number): Promise<Backup | undefined>;
  /**
   * Reads the whole backup and, unless `depth` is `read`, restores it to scratch and compares schema, row counts and
   * content. The scratch database is deleted whatever happens; one that a killed process left is deleted by the next.
   * @param depth Default `full`.
   * @throws RollbackError `BACKUP_NOT_VERIFIED`
   */
  verify(backup: Backup, signal: AbortSignal, depth?: VerifyDepth): Promise<void>;
  /** Finished backups of this database in the backup folder, newest first. A file that was never finished is not one. */
  backups(): Promise<{ name: string; path: string; bytes: number }[]>;
  /** Deletes all finished backups but the newest, as many as are configured; returns the names of those deleted. */
  prune(): Promise<string[]>;
  /**
   * Restores into a new place: a file for SQLite, else a database on the same server. Never over one that is there.
   * @throws RollbackError `RESTORE_FAILED`
   */
  restore(backup: Backup, into: string, signal: AbortSignal): Promise<void>;
  /**
   * Records a restore point with a backup tool that archives this database, and waits until it could be restored to.
   * Absent where no such tool is known for the engine.
   * @throws RollbackError `RESTORE_POINT_FAILED`
   */
  recordRestorePoint?(source: RestorePointSource, context: RestorePointContext): Promise<RestorePoint>;
}
