import type { Migration } from '../../model/release.ts';

/** A migration tool's file format and history table. */
export interface MigrationSource {
  /** E.g. `dbmate`. */
  readonly format: string;
  /** Where the live database says what is applied. */
  readonly history: { table: string; column: string };
  /**
   * Reads the files of one folder, in order of version. Pure.
   * @throws RollbackError `MIGRATION_UNREADABLE` naming file and line.
   */
  parse(files: { path: string; content: string }[]): Migration[];
}
