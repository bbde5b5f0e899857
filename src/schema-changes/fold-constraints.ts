import type { CatalogConstraint, CatalogTable } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { tableOf } from './fold-state.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

type Of<Op> = Extract<Operation, { op: Op }>;

export function addConstraint(
  fold: Fold,
  operation: Of<'add-constraint'> | Of<'create-index'>,
  place: Place,
): void {
  const table = tableOf(fold, operation.table);
  const { constraint } = operation;
  const there = constraint.name !== undefined && named(fold, table, constraint.name) !== undefined;
  if (there && operation.op === 'create-index' && operation.ifNotExists) return;
  table.constraints.push({ ...constraint, place });
}

export function dropConstraint(fold: Fold, operation: Of<'drop-constraint'>, place: Place): void {
  const { name, what } = operation;
  fold.dropped.set(name, place);
  const tables = operation.table ? [tableOf(fold, operation.table)] : [...fold.now.tables.values()];
  const holder = tables.find((each) => named(fold, each, name));
  if (holder) {
    const table = fold.now.tables.own(holder);
    const found = named(fold, table, name);
    table.constraints = table.constraints.filter((constraint) => constraint !== found);
    return;
  }
  const known = operation.table ? tables.every((each) => each.complete) : fold.complete;
  if (operation.ifExists && known) return;
  const why = `What ${what} ${name} kept is not known, since no migration makes it.`;
  fold.unknown.push({ why, rule: 'unreadable', place });
}

export function renameConstraint(fold: Fold, operation: Of<'rename-constraint'>): void {
  const tables = operation.table ? [tableOf(fold, operation.table)] : [...fold.now.tables.values()];
  for (const table of tables) {
    if (!named(fold, table, operation.name)) continue;
    const found = named(fold, fold.now.tables.own(table), operation.name);
    if (found) found.name = operation.to;
  }
}

function named(fold: Fold, table: CatalogTable, name: string): CatalogConstraint | undefined {
  const { key } = fold.dialect;
  return table.constraints.find((each) => each.name !== undefined && key(each.name) === key(name));
}
