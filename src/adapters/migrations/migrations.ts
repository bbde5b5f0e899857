import type { Engine, MigrationFormat } from '../../model/migration-formats.ts';
import type { HistoryEntry, HistoryRow, TableColumns } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';

/** A file of a folder of migrations. */
export interface MigrationFile {
  /** `/`-separated; relative or from a root, the same for all files of a folder. */
  path: string;
  /** Text, a byte order mark at its start included. */
  content: string;
}

/** Where a tool keeps what is applied. */
export interface MigrationHistory {
  /** The table as the tool names it unless told otherwise, e.g. `schema_migrations`. */
  readonly table: string;
  /** The schema (in MySQL the database) that it is in unless told otherwise; left out where that is the current one. */
  readonly schema?: Partial<Record<Engine, string>>;
  /** The column with what identifies a migration. */
  readonly column: string;
  /** Whether the columns of a table of that name, lower case, are those that this tool makes. */
  fits(columns: ReadonlyMap<string, string>, all: readonly TableColumns[]): boolean;
  /**
   * SQL that reads the table; every column comes as text or NULL, under its lower-case name. `at` says where the table is.
   * Default: where the tool puts it.
   */
  query(engine: Engine, at?: { schema?: string | undefined; name: string }): string;
  /**
   * What the rows of `query` say, in the order in which it was applied. `known` are migrations of the newest release: tools
   * that store only where they stand need them. Pure.
   */
  read(rows: readonly HistoryRow[], known: readonly Migration[]): HistoryEntry[];
  /**
   * SQL that takes the newest applied migration out of the history, as the tool does when it takes one back; `previous` is
   * the version before it, undefined for none. Left out where the tool has no way back that is SQL. Pure.
   */
  takeOut?(version: string, previous: string | undefined, engine: Engine): string;
}

/** What is wrong with a folder as a whole, without being unreadable. */
export interface FolderProblem {
  file: string;
  /** From 1. */
  line: number;
  /** Sentences: what is wrong, and the way out. */
  why: string;
  fix: string;
}

/** A migration tool's file format and history table. */
export interface MigrationSource {
  /** Its name in the configuration. */
  readonly format: MigrationFormat;
  /** As its makers write it, e.g. `Flyway`. */
  readonly tool: string;
  readonly history: MigrationHistory;
  /** Whether the files bear this format's mark. Several formats may say yes. Pure. */
  recognises(files: readonly MigrationFile[]): boolean;
  /**
   * Reads the files of one folder, with those below it, in the order in which the tool applies them. `folder` is the path
   * of the folder as the files' paths begin with it. Default: what all paths begin with. Pure.
   * @throws RollbackError `MIGRATION_UNREADABLE` naming file and line.
   */
  parse(files: readonly MigrationFile[], folder?: string): Migration[];
  /** The engine, where files of the format's own name it. Pure. */
  engine?(files: readonly MigrationFile[]): Engine | undefined;
  /** What the tool itself would refuse though the files can be read. Pure. */
  problems?(files: readonly MigrationFile[], folder?: string): FolderProblem[];
}
