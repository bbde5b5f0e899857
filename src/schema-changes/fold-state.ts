import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import {
  columnByRoot,
  copyTable,
  emptyCatalog,
  isSame,
  newColumn,
  newTable,
  snapshot,
  tableByRoot,
} from './catalog.ts';
import type { Place } from './verdict.ts';

/** What statements do to rows that the old code knows. */
export interface RowChange {
  kind: 'update' | 'delete' | 'replace';
  table: string;
  columns: string[];
  place: Place;
}

/** A schema while migrations are read in order. */
export interface Fold {
  now: Catalog;
  /** As the old code knows it; undefined until `begin`. */
  before: Catalog | undefined;
  rowChanges: RowChange[];
  unknown: { why: string; place: Place }[];
  /** Where a table or column, by its identity, was last dropped or renamed. */
  gone: Map<number, Place>;
  /** Lower-case names of all indexes ever made. */
  indexes: Set<string>;
  /** Where a view or index, by lower-case name, was last dropped. */
  dropped: Map<string, Place>;
}

export function newFold(): Fold {
  return {
    now: emptyCatalog(),
    before: undefined,
    rowChanges: [],
    unknown: [],
    gone: new Map(),
    dropped: new Map(),
    indexes: new Set(),
  };
}

/** From here on, what is read is new to the old code. */
export function begin(fold: Fold): void {
  fold.before = snapshot(fold.now);
  fold.rowChanges = [];
  fold.unknown = [];
}

/** Whether the old code knows the table, under whatever name. */
export function isOld(fold: Fold, table: CatalogTable): boolean {
  const old = [...(fold.before?.tables.values() ?? [])].find((candidate) => isSame(table, candidate));
  // A copy is the table itself only once the original is gone.
  return old !== undefined && (old.root === table.root || tableByRoot(fold.now, old.root) === undefined);
}

export function isOldColumn(fold: Fold, column: CatalogColumn): boolean {
  return [...(fold.before?.tables.values() ?? [])].some((table) => columnByRoot(table, column.root));
}

/** The table of that name; one that was never made is taken to have been there before. */
export function tableOf(fold: Fold, name: string): CatalogTable {
  const key = name.toLowerCase();
  const known = fold.now.tables.get(key);
  if (known) return known;
  const assumed = newTable({ name, columns: undefined, constraints: [], strict: false }, undefined);
  fold.now.tables.set(key, assumed);
  fold.before?.tables.set(key, copyTable(assumed));
  return assumed;
}

/** The column of that name; likewise. */
export function columnOf(fold: Fold, table: CatalogTable, name: string): CatalogColumn {
  const key = name.toLowerCase();
  const known = table.columns.get(key);
  if (known) return known;
  const definition = { name, type: '', family: 'as given', notNull: false, filled: false, generated: false };
  const assumed = newColumn(definition, undefined);
  // SQLite's own names of the row's number; any other must have been there, since the migration was applied.
  if (/^(?:rowid|oid|_rowid_)$/.test(key)) return assumed;
  table.columns.set(key, assumed);
  const before = [...(fold.before?.tables.values() ?? [])].find((old) => isSame(table, old));
  before?.columns.set(key, { ...assumed });
  return assumed;
}
