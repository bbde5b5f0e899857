import type { CatalogColumn, CatalogTable } from './catalog.ts';
import { newColumn, newTable } from './catalog.ts';
import { changeRows, copyRows, insertRows } from './fold-rows.ts';
import type { Fold } from './fold-state.ts';
import { columnOf, tableOf } from './fold-state.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

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

function renameKey(table: CatalogTable, from: string, to: string, column: CatalogColumn): void {
  const entries = [...table.columns].map(([key, value]): [string, CatalogColumn] =>
    key === from ? [to.toLowerCase(), { ...column, name: to }] : [key, value],
  );
  table.columns = new Map(entries);
}
