import type { CatalogConstraint, CatalogTable } from './catalog.ts';
import type { Fold } from './fold-state.ts';
import { isComplete, tableOf } from './fold-state.ts';
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
  if (constraint.name !== undefined) fold.holders.set(fold.dialect.key(constraint.name), table.root);
}

export function dropConstraint(fold: Fold, operation: Of<'drop-constraint'>, place: Place): void {
  const { name, what } = operation;
  fold.dropped.set(name, place);
  const given = operation.table === undefined ? undefined : tableOf(fold, operation.table);
  const holder = given ?? holderOf(fold, name);
  const table = holder && fold.now.tables.own(holder);
  const found = table && named(fold, table, name);
  if (table && found) {
    table.constraints = table.constraints.filter((constraint) => constraint !== found);
    return;
  }
  const known = given ? given.complete : isComplete(fold);
  if (operation.ifExists && known) return;
  const why = `What ${what} ${name} kept is not known, since no migration makes it.`;
  fold.unknown.push({ why, rule: 'unreadable', place });
}

export function renameConstraint(fold: Fold, operation: Of<'rename-constraint'>): void {
  const { name, to } = operation;
  const holder = operation.table === undefined ? holderOf(fold, name) : tableOf(fold, operation.table);
  const found = holder && named(fold, fold.now.tables.own(holder), name);
  if (!found) return;
  found.name = to;
  fold.holders.set(fold.dialect.key(to), holder.root);
}

/** The table that has a constraint or index of that name. */
function holderOf(fold: Fold, name: string): CatalogTable | undefined {
  const root = fold.holders.get(fold.dialect.key(name));
  const table = root === undefined ? undefined : fold.now.tables.byRoot(root);
  if (table && named(fold, table, name)) return table;
  for (const each of fold.now.tables.values()) if (named(fold, each, name)) return each;
  return undefined;
}

function named(fold: Fold, table: CatalogTable, name: string): CatalogConstraint | undefined {
  const { key } = fold.dialect;
  return table.constraints.find((each) => each.name !== undefined && key(each.name) === key(name));
}
