import type { HistoryTable } from '../database.ts';
import type { ServerAddress } from '../server-address.ts';

/** Of one database. */
export interface MysqlOptions {
  /** The database as people know it, e.g. `db.internal/shop`. */
  label: string;
  /** Reads the credentials, each time anew; `database` is there. */
  address(): Promise<ServerAddress>;
  /** Where the migration tool keeps what is applied. */
  history: HistoryTable;
  /** Absolute; made where it is missing, mode 0700. */
  backupFolder: string;
  /** Finished backups that `prune` leaves. */
  keep: number;
}

export function nameOf(options: MysqlOptions): string {
  return `mysql ${options.label}`;
}
