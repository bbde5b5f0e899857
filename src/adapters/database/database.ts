import type { DatabaseFacts } from '../../model/facts.ts';

/** A finished backup. */
export interface Backup {
  /** `backup-YYYYMMDD-HHMMSS.sql`, UTC. */
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
  tookMs: number;
}

export interface BackupProgress {
  bytes: number;
  rows: number;
}

export interface BackupContext {
  /** ms since the epoch; names the backup. */
  nowMs: number;
  /** The run it belongs to, written into it; undefined where it belongs to none. */
  run?: string;
  signal: AbortSignal;
  progress(p: BackupProgress): void;
}

/** A database whose schema must fit the release that runs on it. */
export interface Database {
  /** Printed to people, e.g. `sqlite data/shop.db`. Never with credentials. */
  readonly name: string;
  /** Whether DDL can be undone in a transaction. */
  readonly supportsTransactionalDdl: boolean;
  /** Reads the history and the size; takes no lock that makes writers wait. */
  facts(signal: AbortSignal): Promise<DatabaseFacts>;
  /**
   * Takes a logical backup in one read snapshot. Written under a temporary name, fsynced, renamed, mode 0600.
   * @throws RollbackError `BACKUP_FAILED`, with what is missing and the way out.
   */
  backUp(context: BackupContext): Promise<Backup>;
  /** The newest finished backup that the run took at or after `sinceMs`; undefined where it took none. */
  backupOf(run: string, sinceMs: number): Promise<Backup | undefined>;
  /**
   * Reads the whole backup, restores it to scratch and compares schema, row counts and content.
   * @throws RollbackError `BACKUP_NOT_VERIFIED`
   */
  verify(backup: Backup, signal: AbortSignal): Promise<void>;
  /** Finished backups in the backup folder, newest first. A file that was never finished is not one. */
  backups(): Promise<{ name: string; path: string; bytes: number }[]>;
  /** Deletes all finished backups but the newest, as many as are configured; returns the names of those deleted. */
  prune(): Promise<string[]>;
  /** Restores into a new place; never over a database in use. @throws RollbackError `RESTORE_FAILED` */
  restore(backup: Backup, into: string, signal: AbortSignal): Promise<void>;
}
