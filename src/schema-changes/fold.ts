import { newTable } from './catalog.ts';
import { addColumn, alterColumn, dropColumn, renameColumn } from './fold-columns.ts';
import { addConstraint, dropConstraint, renameConstraint } from './fold-constraints.ts';
import { addLabel, createObject, dropObject, renameLabel, renameObject } from './fold-objects.ts';
import { changeRows, copyRows, insertRows } from './fold-rows.ts';
import { dropSchema, renameSchema } from './fold-schemas.ts';
import type { Fold } from './fold-state.ts';
import { isComplete, isOld, nameOfKnown, nameOfNew, tableOf } from './fold-state.ts';
import { createView, dropView } from './fold-views.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

/** Reads one operation. A table or column that was never made is taken to have been there before. */
export function apply(fold: Fold, operation: Operation, place: Place): void {
  const { now } = fold;
  switch (operation.op) {
    case 'create-table': {
      const name = nameOfNew(fold, operation.table.name);
      if (operation.ifNotExists && now.tables.has(name)) return;
      const table = newTable({ ...operation.table, name }, fold.dialect.key, place);
      now.tables.set(name, table);
      if (operation.rows) copyRows(fold, table, operation.rows, place);
      return;
    }
    case 'copy-table': {
      const name = nameOfNew(fold, operation.name);
      if (operation.ifNotExists && now.tables.has(name)) return;
      const like = tableOf(fold, operation.like);
      const columns = like.complete ? [...like.columns.values()] : undefined;
      const constraints = like.constraints.filter((constraint) => constraint.kind !== 'foreign-key');
      const definition = { name, columns, constraints, strict: like.strict };
      now.tables.set(name, newTable(definition, fold.dialect.key, place));
      return;
    }
    case 'drop-table':
      dropTable(fold, operation, place);
      return;
    case 'rename-table':
      renameTable(fold, operation, place);
      return;
    case 'add-column':
      addColumn(fold, operation, place);
      return;
    case 'drop-column':
      dropColumn(fold, operation, place);
      return;
    case 'rename-column':
      renameColumn(fold, operation, place);
      return;
    case 'alter-column':
      alterColumn(fold, operation, place);
      return;
    case 'add-constraint':
    case 'create-index':
      addConstraint(fold, operation, place);
      return;
    case 'drop-constraint':
      dropConstraint(fold, operation, place);
      return;
    case 'rename-constraint':
      renameConstraint(fold, operation);
      return;
    case 'create-view':
      createView(fold, operation, place);
      return;
    case 'drop-view':
      dropView(fold, operation, place);
      return;
    case 'create-trigger': {
      const onView = now.views.has(nameOfKnown(fold, operation.table));
      const table = onView ? undefined : tableOf(fold, operation.table);
      now.triggers.set(operation.name, { name: operation.name, table, place });
      return;
    }
    case 'drop-trigger':
      fold.dropped.set(operation.name, place);
      now.triggers.delete(operation.name);
      return;
    case 'create-object':
      createObject(fold, operation, place);
      return;
    case 'drop-object':
      dropObject(fold, operation, place);
      return;
    case 'rename-object':
      renameObject(fold, operation, place);
      return;
    case 'add-label':
      addLabel(fold, operation, place);
      return;
    case 'rename-label':
      renameLabel(fold, operation, place);
      return;
    case 'search-path':
      fold.path = operation.schemas;
      return;
    case 'rename-schema':
      renameSchema(fold, operation.name, operation.to, place);
      return;
    case 'drop-schema':
      dropSchema(fold, operation.name, place);
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
    case 'concern': {
      const { op: _, table, ...concern } = operation;
      const onView = table !== undefined && now.views.has(nameOfKnown(fold, table));
      if (table === undefined || onView || isOld(fold, tableOf(fold, table)))
        fold.concerns.push({ ...concern, place });
      return;
    }
    case 'unknown':
      fold.unknown.push({ why: operation.why, rule: operation.rule ?? 'unreadable', place });
      return;
    case 'nothing':
      return;
  }
}

function dropTable(fold: Fold, { name, ifExists }: { name: string; ifExists: boolean }, place: Place): void {
  const { now } = fold;
  const full = nameOfKnown(fold, name);
  if (ifExists && isComplete(fold) && !now.tables.has(full)) return;
  const table = tableOf(fold, full);
  fold.gone.set(table.root, place);
  now.tables.delete(full);
  for (const [key, trigger] of [...now.triggers])
    if (trigger.table?.root === table.root) now.triggers.delete(key);
}

/** Gives a table or a view another name. */
function renameTable(fold: Fold, operation: Extract<Operation, { op: 'rename-table' }>, place: Place): void {
  const { name, to, moves } = operation;
  const { now } = fold;
  const full = nameOfKnown(fold, name);
  const schema =
    full.includes('.') && !moves && !to.includes('.') ? full.slice(0, full.lastIndexOf('.') + 1) : '';
  const view = now.views.get(full);
  if (view) {
    fold.dropped.set(full, place);
    now.views.delete(full);
    now.views.set(schema + to, { ...view, name: schema + to, place });
    return;
  }
  const table = tableOf(fold, full);
  fold.gone.set(table.root, place);
  now.tables.delete(full);
  table.name = schema + to;
  now.tables.set(schema + to, table);
}
