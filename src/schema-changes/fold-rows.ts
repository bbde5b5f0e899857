import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { tableByRoot } from './catalog.ts';
import type { Fold, RowChange } from './fold-state.ts';
import { columnOf, isOld, isOldColumn, nameOfKnown, tableOf } from './fold-state.ts';
import type { NameKey } from './name-map.ts';
import type { CopiedValue, Copy, Operation } from './operation.ts';
import type { Place } from './verdict.ts';

/** Rows put into a table; a new one may get its identity by it. */
export function insertRows(fold: Fold, operation: Extract<Operation, { op: 'insert' }>, place: Place): void {
  if (isView(fold, operation.table)) return;
  const table = tableOf(fold, operation.table);
  if (operation.replaces) changeRows(fold, 'replace', operation.table, [], place);
  if (operation.rows && !isOld(fold, table)) copyRows(fold, table, operation.rows, place);
}

/** Gives a new table the identity of the one that its rows come from, column by column. */
export function copyRows(fold: Fold, table: CatalogTable, rows: Copy, place: Place): void {
  if (rows.from === undefined || isView(fold, rows.from)) return;
  const source = tableOf(fold, rows.from);
  if (source === table) return;
  // Copied over and over, it is still the one that the old code knows.
  const isKnown = !fold.before || tableByRoot(fold.before, source.root) !== undefined;
  table.source = isKnown ? source.root : (source.source ?? source.root);
  if (!rows.whole) table.filtered = place;
  else if (!isKnown && source.filtered) table.filtered = source.filtered;
  const values = allNamed(source, rows.values);
  if (table.columns.isEmpty()) {
    for (const value of values) {
      if (value.kind === 'computed') continue;
      const column = columnOf(fold, source, value.column);
      table.columns.set(value.as, { ...column, name: value.as, notNull: false, filled: false, place });
    }
    table.complete = source.complete;
    return;
  }
  const targets = rows.to ?? [...table.columns.values()].filter((c) => !c.generated).map((c) => c.name);
  for (const [i, target] of targets.entries()) {
    const column = table.columns.get(target);
    const value = values[i];
    if (!column || !value) continue;
    if (value.kind === 'computed') column.computed = true;
    else if (heirOf(value.column, targets, values, fold.dialect.key) === target)
      inherit(column, columnOf(fold, source, value.column));
  }
}

/** The column goes on as the one that its values come from, with what became of them. */
function inherit(column: CatalogColumn, from: CatalogColumn): void {
  column.root = from.root;
  if (from.computed) column.computed = true;
  if (from.rounded) column.rounded = from.rounded;
}

/** Which of the columns that one is put into goes on as it: that of its name, else the first. */
function heirOf(name: string, targets: string[], values: CopiedValue[], key: NameKey): string | undefined {
  const heirs = targets.filter((_, i) => {
    const value = values[i];
    return value && value.kind !== 'all' && value.kind !== 'computed' && key(value.column) === key(name);
  });
  return heirs.find((target) => key(target) === key(name)) ?? heirs[0];
}

/** What a copy takes, with each column of `*` by name. */
export function allNamed(
  source: CatalogTable,
  values: CopiedValue[],
): Exclude<CopiedValue, { kind: 'all' }>[] {
  return values.flatMap((value) =>
    value.kind === 'all'
      ? [...source.columns.values()].map(({ name }) => ({ kind: 'same' as const, column: name, as: name }))
      : [value],
  );
}

/** Rows changed that the old code knows. */
export function changeRows(
  fold: Fold,
  kind: RowChange['kind'],
  name: string,
  columns: string[],
  place: Place,
): void {
  if (isView(fold, name)) return;
  const table = tableOf(fold, name);
  if (!isOld(fold, table)) return;
  const old = columns.filter((column) => isOldColumn(fold, columnOf(fold, table, column)));
  if (kind === 'update' && old.length === 0) return;
  fold.rowChanges.push({ kind, table: table.name, columns: old, place });
}

function isView(fold: Fold, name: string): boolean {
  return fold.now.views.has(nameOfKnown(fold, name));
}
