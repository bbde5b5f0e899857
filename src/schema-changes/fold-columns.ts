import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { newColumn } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { before, columnOf, tableOf } from './fold-state.ts';
import { NameMap } from './name-map.ts';
import type { ColumnChange, Operation } from './operation.ts';
import type { Place } from './verdict.ts';

type Of<Op> = Extract<Operation, { op: Op }>;

export function addColumn(fold: Fold, operation: Of<'add-column'>, place: Place): void {
  const table = tableOf(fold, operation.table);
  if (operation.ifNotExists && table.columns.has(operation.column.name)) return;
  table.columns.set(operation.column.name, newColumn(operation.column, place));
  table.constraints.push(...operation.constraints.map((constraint) => ({ ...constraint, place })));
}

/** Keys and constraints go with their column. */
export function dropColumn(fold: Fold, operation: Of<'drop-column'>, place: Place): void {
  const table = tableOf(fold, operation.table);
  const absent = !table.columns.has(operation.column);
  if (operation.ifExists && absent && table.complete) return;
  fold.gone.set(columnOf(fold, table, operation.column).root, place);
  table.columns.delete(operation.column);
  const { key } = fold.dialect;
  table.constraints = table.constraints.filter(
    ({ columns }) => !columns.some((column) => key(column) === key(operation.column)),
  );
}

export function renameColumn(fold: Fold, operation: Of<'rename-column'>, place: Place): void {
  const { to } = operation;
  const table = tableOf(fold, operation.table);
  const column = columnOf(fold, table, operation.column);
  const { key } = fold.dialect;
  // As MySQL's CHANGE writes what keeps its name.
  if (key(operation.column) === key(to)) return;
  fold.gone.set(column.root, place);
  const columns = new NameMap<CatalogColumn>(key);
  for (const each of table.columns.values()) {
    if (each === column) columns.set(to, { ...column, name: to });
    else columns.set(each.name, each);
  }
  table.columns = columns;
  for (const constraint of table.constraints) {
    constraint.columns = constraint.columns.map((name) => (key(name) === key(operation.column) ? to : name));
  }
}

export function alterColumn(fold: Fold, operation: Of<'alter-column'>, place: Place): void {
  const table = tableOf(fold, operation.table);
  const column = columnOf(fold, table, operation.column);
  if (column.place === undefined && !column.presumed) presume(fold, table, column, operation.change);
  const changed = { ...column, ...operation.change };
  const isTyped = column.type !== '' && (operation.change.type !== undefined || operation.change.size);
  const loses =
    isTyped && fold.dialect.compareTypes(column, changed, table.strict).verdict === 'data-destroyed';
  table.columns.set(column.name, {
    ...changed,
    ...(loses ? { rounded: place } : {}),
    computed: column.computed || operation.computed,
    place,
  });
}

/** What a change tells of a column that no migration made: that it was otherwise before. */
function presume(fold: Fold, table: CatalogTable, column: CatalogColumn, change: ColumnChange): void {
  const old = before(fold, table)?.columns.get(column.name);
  if (!old) return;
  old.presumed = true;
  column.presumed = true;
  if (change.type !== undefined) {
    // Of what it says besides the type, nothing is known to be new.
    Object.assign(old, change, { type: '', size: undefined, labels: undefined });
    return;
  }
  if (change.notNull !== undefined) old.notNull = !change.notNull;
  if (change.filled === false) {
    old.filled = true;
    old.notNull = true;
    column.notNull = true;
  }
}
