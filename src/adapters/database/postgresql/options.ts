import type { PgbackrestSource } from '../../../model/restore-point.ts';
import type { HistoryTable } from '../database.ts';
import type { ServerAddress } from '../server-address.ts';

/** Of one database. */
export interface PostgresqlOptions {
  /** The database as people know it, e.g. `db.internal/shop`. */
  label: string;
  /** Reads the credentials, each time anew. */
  address(): Promise<ServerAddress>;
  /** Where the migration tool keeps what is applied. */
  history: HistoryTable;
  /** Absolute; made where it is missing, mode 0700. */
  backupFolder: string;
  /** Finished backups that `prune` leaves. */
  keep: number;
  /** As configured; where it is undefined, what the server archives its WAL with is looked for. */
  restorePoint?: PgbackrestSource | undefined;
}

export function nameOf(options: PostgresqlOptions): string {
  return `postgresql ${options.label}`;
}
