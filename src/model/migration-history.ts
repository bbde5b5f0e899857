/** A row of a history table: values by column, names in any case, as a driver gives them. */
export type HistoryRow = Readonly<Record<string, unknown>>;

/**
 * One migration as the live database knows it. `applied`: finished. `failed`: begun and not finished, so that how much of
 * it is there is unknown; tools call it dirty, failed or partly applied. `rolled-back`: taken back, or marked so.
 */
export interface HistoryEntry {
  /** As `Migration.version` where the file is known, else what the table holds. */
  version: string;
  state: 'applied' | 'failed' | 'rolled-back';
  /** As the table holds it; left out where it holds none. */
  checksum?: string;
}

/** A table of the live database, with its columns, as its catalog names them. */
export interface TableColumns {
  /** Schema in PostgreSQL, database in MySQL; left out where there is none. */
  schema?: string;
  name: string;
  columns: { name: string; type: string }[];
}

/** Something that is not as it should be between a history and the files. */
export interface HistoryProblem {
  kind: 'failed' | 'checksum-differs' | 'missing-file' | 'gap' | 'out-of-order';
  version: string;
  /** undefined where no file is known. */
  file: string | undefined;
  /** A sentence. */
  why: string;
  /** A sentence: the way out. */
  fix: string;
}

/** Versions that are applied for good, in the order in which they were. */
export function appliedVersions(entries: readonly HistoryEntry[]): string[] {
  return entries.filter(({ state }) => state === 'applied').map(({ version }) => version);
}
