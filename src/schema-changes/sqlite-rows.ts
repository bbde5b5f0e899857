import { at, kindOf, list, nameOf, UnreadableTree } from './ast.ts';
import type { CopiedValue, Copy, Operation } from './operation.ts';

/** Reads an INSERT, UPDATE or DELETE of SQLite. */
export function sqliteRows(kind: string, node: unknown): Operation[] {
  if (kind === 'Update') {
    const table = nameOf(at(node, 'table', 'relation', 'Table', 'name'));
    return [{ op: 'update', table, columns: assigned(list(node, 'assignments')) }];
  }
  if (kind === 'Delete') {
    const from = at(node, 'from');
    const tables = [...list(from, 'WithFromKeyword'), ...list(from, 'WithoutKeyword')];
    if (tables.length !== 1) throw new UnreadableTree('the table of a DELETE');
    return [{ op: 'delete', table: nameOf(at(tables[0], 'relation', 'Table', 'name')) }];
  }
  const table = nameOf(at(node, 'table', 'TableName'));
  // `INSERT INTO t SET a = 1` is MySQL's.
  const to = [...list(node, 'columns').map(nameOf), ...assigned(list(node, 'assignments'))];
  const columns = to.length > 0 ? to : undefined;
  const replaces = at(node, 'or') === 'Replace' || at(node, 'replace_into') === true;
  const upserts = list(node, 'on', 'OnConflict', 'action', 'DoUpdate', 'assignments').length > 0;
  const rows = copyOf(at(node, 'source'), columns);
  return [{ op: 'insert', table, columns, replaces: replaces || upserts, rows }];
}

/** What a query takes from one table; undefined where it is no SELECT, e.g. VALUES. */
export function copyOf(query: unknown, to: string[] | undefined): Copy | undefined {
  const select = at(query, 'body', 'Select');
  if (select === undefined) return undefined;
  const tables = list(select, 'from');
  const single = tables.length === 1 && list(tables[0], 'joins').length === 0;
  const from = single ? at(tables[0], 'relation', 'Table', 'name') : undefined;
  const restricted =
    [at(select, 'selection'), at(select, 'distinct'), at(select, 'having'), at(query, 'limit_clause')].some(
      (part) => part !== undefined && part !== null,
    ) ||
    list(select, 'group_by', 'Expressions', 0).length > 0 ||
    kindOf(at(select, 'group_by')) === 'All';
  return {
    from: from ? nameOf(from) : undefined,
    whole: from !== undefined && !restricted,
    to,
    values: list(select, 'projection').map(copiedValue),
  };
}

function copiedValue(item: unknown): CopiedValue {
  const kind = kindOf(item);
  if (kind === 'Wildcard' || kind === 'QualifiedWildcard') return { kind: 'all' };
  const expression = at(item, 'ExprWithAlias', 'expr') ?? at(item, 'UnnamedExpr');
  const alias = at(item, 'ExprWithAlias', 'alias', 'value') as string | undefined;
  const column = columnOf(expression);
  if (column !== undefined) return { kind: 'same', column, as: alias ?? column };
  const args = list(expression, 'Function', 'args', 'List', 'args');
  const called = list(expression, 'Function', 'name');
  if (called.length > 0 && /^(?:coalesce|ifnull)$/i.test(nameOf(called)) && args.length === 2) {
    const first = columnOf(at(args[0], 'Unnamed', 'Expr'));
    if (first !== undefined) return { kind: 'filled', column: first, as: alias ?? '' };
  }
  return { kind: 'computed', as: alias };
}

function columnOf(expression: unknown): string | undefined {
  const parts = list(expression, 'CompoundIdentifier');
  const name = at(expression, 'Identifier', 'value') ?? at(parts.at(-1), 'value');
  return typeof name === 'string' ? name : undefined;
}

function assigned(assignments: unknown[]): string[] {
  return assignments.flatMap((assignment) => {
    const tuple = list(assignment, 'target', 'Tuple');
    return tuple.length > 0 ? tuple.map(nameOf) : [nameOf(at(assignment, 'target', 'ColumnName'))];
  });
}
