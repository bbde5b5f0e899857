import type { LitestreamSource } from '../../../model/restore-point.ts';
import type { HistoryTable } from '../database.ts';

/** Of one database. */
export interface SqliteOptions {
  /** The database file, absolute. */
  path: string;
  /** The path as people know it, e.g. `data/shop.db`. */
  label: string;
  /** Where the migration tool keeps what is applied. */
  history: HistoryTable;
  /** Absolute; made where it is missing, mode 0700. */
  backupFolder: string;
  /** Finished backups that `prune` leaves. */
  keep: number;
  /** As configured; where it is undefined, Litestream is looked for at its usual socket. */
  restorePoint?: LitestreamSource | undefined;
}
