import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts';
import {
  copyTable,
  emptyCatalog,
  latestIdentity,
  layerOver,
  newColumn,
  newTable,
  originalOf,
  snapshot,
  tableByRoot,
} from './catalog.ts';
import type { Dialect } from './dialect.ts';
import { NameMap } from './name-map.ts';
import type { Operation } from './operation.ts';
import type { RuleId } from './rules.ts';
import type { Place } from './verdict.ts';

/** What statements do to rows that the old code knows. */
export interface RowChange {
  kind: 'update' | 'delete' | 'replace';
  table: string;
  columns: string[];
  place: Place;
}

type Concern = Omit<Extract<Operation, { op: 'concern' }>, 'op' | 'table'> & { place: Place };

/** A schema while migrations are read in order. */
export interface Fold {
  dialect: Dialect;
  now: Catalog;
  /** As the old code knows it; undefined until `begin`. */
  before: Catalog | undefined;
  /** The latest identity at `begin`. */
  begunAt: number;
  /** Whether everything that was there at `begin` is known. */
  complete: boolean | undefined;
  rowChanges: RowChange[];
  concerns: Concern[];
  unknown: { why: string; rule: RuleId; place: Place }[];
  /** Where a table, column or object, by its identity, was last dropped or renamed. */
  gone: Map<number, Place>;
  /** Where a view, trigger or constraint was last dropped. */
  dropped: NameMap<Place>;
  /** Which table, by its identity, an index or constraint was put on last, by its key: where to look first. */
  holders: Map<string, number>;
  /** Schemas in which names are looked for; '' is the default one. */
  path: string[];
}

export function newFold(dialect: Dialect): Fold {
  return {
    dialect,
    now: emptyCatalog(dialect.key),
    before: undefined,
    begunAt: 0,
    complete: undefined,
    rowChanges: [],
    concerns: [],
    unknown: [],
    gone: new Map(),
    dropped: new NameMap(dialect.key),
    holders: new Map(),
    path: [''],
  };
}

/** From here on, what is read is new to the old code. */
export function begin(fold: Fold): void {
  fold.before = snapshot(fold.now);
  fold.begunAt = latestIdentity();
  fold.complete = undefined;
  fold.complete = isComplete(fold);
  fold.rowChanges = [];
  fold.concerns = [];
  fold.unknown = [];
  fold.path = [''];
}

/**
 * A fold of what is new to the code that knows another's schema as it is now, at no cost: the other must not go on while
 * this one is in use.
 */
export function layer(fold: Fold): Fold {
  const { key } = fold.dialect;
  const before = layerOver(fold.now, key);
  return {
    ...newFold(fold.dialect),
    holders: fold.holders,
    now: layerOver(before, key),
    before,
    begunAt: latestIdentity(),
    complete: isComplete(fold),
  };
}

/** Whether everything that was there is known: what is not known now was not there. */
export function isComplete(fold: Fold): boolean {
  return fold.complete ?? (!fold.now.tables.isEmpty() && fold.unknown.length === 0);
}

/** Whether the old code knows the table, under whatever name. */
export function isOld(fold: Fold, table: CatalogTable): boolean {
  const old = fold.before && originalOf(table, fold.before.tables);
  // A copy is the table itself only once the original is gone.
  return old !== undefined && (old.root === table.root || tableByRoot(fold.now, old.root) === undefined);
}

/** Whether the old code knows the column: one that was never made is taken to have been there before. */
export function isOldColumn(fold: Fold, column: CatalogColumn): boolean {
  return column.root <= fold.begunAt || column.place === undefined || column.presumed;
}

/** The full name of what is made under that name. */
export function nameOfNew(fold: Fold, name: string): string {
  const schema = fold.path[0];
  return schema && !name.includes('.') ? `${schema}.${name}` : name;
}

/** The full name of what a statement means by that name. */
export function nameOfKnown(fold: Fold, name: string): string {
  if (name.includes('.')) return name;
  const names = fold.path.map((schema) => (schema ? `${schema}.${name}` : name));
  return names.find((full) => fold.now.tables.has(full) || fold.now.views.has(full)) ?? names[0] ?? name;
}

/** The table of that name, as one that may be changed; one that was never made is taken to have been there before. */
export function tableOf(fold: Fold, name: string): CatalogTable {
  const full = nameOfKnown(fold, name);
  const known = fold.now.tables.get(full);
  if (known) return fold.now.tables.own(known);
  const definition = { name: full, columns: undefined, constraints: [], strict: false };
  const assumed = newTable(definition, fold.dialect.key, undefined);
  fold.now.tables.set(full, assumed);
  fold.before?.tables.set(full, copyTable(assumed));
  return assumed;
}

/** The column of that name; likewise. */
export function columnOf(fold: Fold, table: CatalogTable, name: string): CatalogColumn {
  const known = table.columns.get(name);
  if (known) return known;
  const definition = { name, type: '', family: 'as given', notNull: false, filled: false, generated: false };
  const assumed = newColumn(definition, undefined);
  // Any other must have been there, since the migration was applied.
  if (fold.dialect.isImplicitColumn(name)) return assumed;
  table.columns.set(name, assumed);
  before(fold, table)?.columns.set(name, { ...assumed });
  return assumed;
}

/** The table as the old code knows it, as one that may be changed. */
export function before(fold: Fold, table: CatalogTable): CatalogTable | undefined {
  const old = fold.before && originalOf(table, fold.before.tables);
  return old && fold.before?.tables.own(old);
}
