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
import type { Copy, Operation } from './operation.ts';
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

/** Reads one operation. A table or column that was never made is taken to have been there before. */
export function apply(fold: Fold, operation: Operation, place: Place): void {
  const { now } = fold;
  switch (operation.op) {
    case 'create-table': {
      const key = operation.table.name.toLowerCase();
      if (operation.ifNotExists && now.tables.has(key)) return;
      const table = newTable(operation.table, place);
      now.tables.set(key, table);
      if (operation.rows) copyRows(fold, table, operation.rows, place);
      return;
    }
    case 'drop-table': {
      const table = tableOf(fold, operation.name);
      fold.gone.set(table.root, place);
      now.tables.delete(operation.name.toLowerCase());
      for (const [key, trigger] of now.triggers) if (trigger.table === table) now.triggers.delete(key);
      return;
    }
    case 'rename-table': {
      const table = tableOf(fold, operation.name);
      fold.gone.set(table.root, place);
      now.tables.delete(operation.name.toLowerCase());
      table.name = operation.to;
      now.tables.set(operation.to.toLowerCase(), table);
      return;
    }
    case 'add-column': {
      const table = tableOf(fold, operation.table);
      table.columns.set(operation.column.name.toLowerCase(), newColumn(operation.column, place));
      table.constraints.push(...operation.constraints.map((c) => ({ ...c, name: undefined, place })));
      return;
    }
    case 'drop-column': {
      const table = tableOf(fold, operation.table);
      fold.gone.set(columnOf(fold, table, operation.column).root, place);
      table.columns.delete(operation.column.toLowerCase());
      return;
    }
    case 'rename-column': {
      const table = tableOf(fold, operation.table);
      const column = columnOf(fold, table, operation.column);
      fold.gone.set(column.root, place);
      renameKey(table, operation.column.toLowerCase(), operation.to, column);
      return;
    }
    case 'create-index': {
      const { name, unique, ifNotExists } = operation;
      fold.indexes.add(name.toLowerCase());
      if (unique === undefined) return;
      const table = tableOf(fold, operation.table);
      if (ifNotExists && table.constraints.some((c) => c.name === name.toLowerCase())) return;
      table.constraints.push({ kind: 'unique', on: unique, name: name.toLowerCase(), place });
      return;
    }
    case 'drop-index':
      fold.dropped.set(operation.name.toLowerCase(), place);
      if (!fold.indexes.has(operation.name.toLowerCase())) {
        const why = `Whether index ${operation.name} kept something unique is not known, since no migration makes it.`;
        fold.unknown.push({ why, place });
      }
      for (const table of now.tables.values()) {
        table.constraints = table.constraints.filter((c) => c.name !== operation.name.toLowerCase());
      }
      return;
    case 'create-view':
      now.views.set(operation.name.toLowerCase(), { ...operation, place });
      return;
    case 'drop-view':
      fold.dropped.set(operation.name.toLowerCase(), place);
      if (!now.views.has(operation.name.toLowerCase())) {
        fold.before?.views.set(operation.name.toLowerCase(), {
          ...operation,
          columns: undefined,
          text: '',
          place,
        });
      }
      now.views.delete(operation.name.toLowerCase());
      return;
    case 'create-trigger': {
      const onView = now.views.has(operation.table.toLowerCase());
      const table = onView ? undefined : tableOf(fold, operation.table);
      now.triggers.set(operation.name.toLowerCase(), { name: operation.name, table, place });
      return;
    }
    case 'drop-trigger':
      now.triggers.delete(operation.name.toLowerCase());
      return;
    case 'insert':
      insertRows(fold, operation, place);
      return;
    case 'update':
      changeRows(fold, 'update', operation.table, operation.columns, place);
      return;
    case 'delete':
      changeRows(fold, 'delete', operation.table, [], place);
      return;
    case 'unknown':
      fold.unknown.push({ why: operation.why, place });
      return;
    case 'nothing':
      return;
  }
}

function insertRows(fold: Fold, operation: Extract<Operation, { op: 'insert' }>, place: Place): void {
  if (fold.now.views.has(operation.table.toLowerCase())) return;
  const table = tableOf(fold, operation.table);
  if (operation.replaces) changeRows(fold, 'replace', operation.table, [], place);
  if (operation.rows && !isOld(fold, table)) copyRows(fold, table, operation.rows, place);
}

/** Gives a new table the identity of the one that its rows come from, column by column. */
function copyRows(fold: Fold, table: CatalogTable, rows: Copy, place: Place): void {
  if (rows.from === undefined || fold.now.views.has(rows.from.toLowerCase())) return;
  const source = tableOf(fold, rows.from);
  if (source === table) return;
  table.source = source.source ?? source.root;
  if (!rows.whole) table.filtered = place;
  const values = rows.values.flatMap((value) =>
    value.kind === 'all'
      ? [...source.columns.values()].map(({ name }) => ({ kind: 'same' as const, column: name, as: name }))
      : [value],
  );
  if (table.columns.size === 0) {
    for (const value of values) {
      if (value.kind === 'computed') continue;
      const column = columnOf(fold, source, value.column);
      table.columns.set(value.as.toLowerCase(), { ...column, name: value.as, notNull: false, place });
    }
    table.complete = source.complete;
    return;
  }
  const targets = rows.to ?? [...table.columns.values()].filter((c) => !c.generated).map((c) => c.name);
  for (const [i, target] of targets.entries()) {
    const column = table.columns.get(target.toLowerCase());
    const value = values[i];
    if (!column || !value) continue;
    if (value.kind === 'computed') column.computed = true;
    else column.root = columnOf(fold, source, value.column).root;
  }
}

function changeRows(
  fold: Fold,
  kind: RowChange['kind'],
  name: string,
  columns: string[],
  place: Place,
): void {
  if (fold.now.views.has(name.toLowerCase())) return;
  const table = tableOf(fold, name);
  if (!isOld(fold, table)) return;
  const old = columns.filter((column) => isOldColumn(fold, columnOf(fold, table, column)));
  if (kind === 'update' && old.length === 0) return;
  fold.rowChanges.push({ kind, table: table.name, columns: old, place });
}

/** Whether the old code knows the table, under whatever name. */
function isOld(fold: Fold, table: CatalogTable): boolean {
  const old = [...(fold.before?.tables.values() ?? [])].find((candidate) => isSame(table, candidate));
  // A copy is the table itself only once the original is gone.
  return old !== undefined && (old.root === table.root || tableByRoot(fold.now, old.root) === undefined);
}

function isOldColumn(fold: Fold, column: CatalogColumn): boolean {
  return [...(fold.before?.tables.values() ?? [])].some((table) => columnByRoot(table, column.root));
}

function tableOf(fold: Fold, name: string): CatalogTable {
  const key = name.toLowerCase();
  const known = fold.now.tables.get(key);
  if (known) return known;
  const assumed = newTable({ name, columns: undefined, constraints: [], strict: false }, undefined);
  fold.now.tables.set(key, assumed);
  fold.before?.tables.set(key, copyTable(assumed));
  return assumed;
}

function columnOf(fold: Fold, table: CatalogTable, name: string): CatalogColumn {
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

function renameKey(table: CatalogTable, from: string, to: string, column: CatalogColumn): void {
  const entries = [...table.columns].map(([key, value]): [string, CatalogColumn] =>
    key === from ? [to.toLowerCase(), { ...column, name: to }] : [key, value],
  );
  table.columns = new Map(entries);
}
