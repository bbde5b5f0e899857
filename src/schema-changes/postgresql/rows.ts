import { at, kindOf, list } from '../ast.ts';
import type { CopiedValue, Copy, Operation } from '../operation.ts';
import { columnName, fingerprint, listName, relationName } from './tree.ts';

/** Reads an INSERT, UPDATE, DELETE or MERGE, with those inside of its WITH. */
export function rowChanges(kind: string, node: unknown): Operation[] {
  return [...withs(node), ...own(kind, node)];
}

function own(kind: string, node: unknown): Operation[] {
  const table = relationName(at(node, 'relation'));
  switch (kind) {
    case 'UpdateStmt':
      return [{ op: 'update', table, columns: assigned(list(node, 'targetList')) }];
    case 'DeleteStmt':
      return [{ op: 'delete', table }];
    case 'MergeStmt':
      return list(node, 'mergeWhenClauses').map((clause): Operation => {
        const columns = assigned(list(clause, 'MergeWhenClause', 'targetList'));
        const command = at(clause, 'MergeWhenClause', 'commandType');
        if (command === 'CMD_DELETE') return { op: 'delete', table };
        return command === 'CMD_UPDATE' ? { op: 'update', table, columns } : { op: 'nothing' };
      });
    default: {
      const to = assigned(list(node, 'cols'));
      const columns = to.length > 0 ? to : undefined;
      const rows = copyOf(at(node, 'selectStmt', 'SelectStmt'), columns);
      const replaces = list(node, 'onConflictClause', 'targetList').length > 0;
      return [{ op: 'insert', table, columns, replaces, rows }];
    }
  }
}

/** What the statements inside of a WITH change. */
export function withs(node: unknown): Operation[] {
  return list(node, 'withClause', 'ctes').flatMap((cte) => {
    const query = at(cte, 'CommonTableExpr', 'ctequery');
    const kind = kindOf(query);
    return /^(?:Insert|Update|Delete|Merge)Stmt$/.test(kind)
      ? rowChanges(kind, at(query, kind))
      : withs(at(query, kind));
  });
}

function assigned(targets: unknown[]): string[] {
  return targets.flatMap((target) => {
    const name = at(target, 'ResTarget', 'name');
    return typeof name === 'string' ? [name] : [];
  });
}

/** What a query takes from one table; undefined where it is no SELECT, e.g. VALUES. */
export function copyOf(select: unknown, to: string[] | undefined): Copy | undefined {
  const targets = list(select, 'targetList');
  if (targets.length === 0) return undefined;
  const from = list(select, 'fromClause');
  const table = from.length === 1 ? at(from[0], 'RangeVar') : undefined;
  const parts = [
    'whereClause',
    'distinctClause',
    'groupClause',
    'havingClause',
    'limitCount',
    'limitOffset',
    'withClause',
  ];
  const restricted =
    parts.some((part) => at(select, part) !== undefined) || at(select, 'op') !== 'SETOP_NONE';
  return {
    from: table === undefined ? undefined : relationName(table),
    whole: table !== undefined && !restricted,
    to,
    values: targets.map(copiedValue),
  };
}

function copiedValue(target: unknown): CopiedValue {
  const value = at(target, 'ResTarget', 'val');
  const name = at(target, 'ResTarget', 'name');
  const alias = typeof name === 'string' ? name : undefined;
  if (at(list(value, 'ColumnRef', 'fields').at(-1), 'A_Star') !== undefined) return { kind: 'all' };
  const column = columnName(value);
  if (column !== undefined) return { kind: 'same', column, as: alias ?? column };
  const args = list(value, 'CoalesceExpr', 'args');
  const first = columnName(args[0]);
  if (args.length === 2 && first !== undefined)
    return { kind: 'filled', column: first, as: alias ?? 'coalesce' };
  const called = list(value, 'FuncCall', 'funcname');
  return { kind: 'computed', as: alias ?? (called.length > 0 ? listName(called.slice(-1)) : undefined) };
}

/** Reads a CREATE VIEW. */
export function createView(node: unknown): Operation {
  let select = at(node, 'query', 'SelectStmt');
  // The first part of a UNION names the columns.
  while (at(select, 'larg') !== undefined) select = at(select, 'larg');
  const rows = copyOf(select, undefined);
  const named = list(node, 'aliases').map((alias) => String(at(alias, 'String', 'sval')));
  const names = rows?.values.map((value) => (value.kind === 'all' ? undefined : value.as)) ?? [];
  const told = names.length > 0 && names.every((name) => name !== undefined) ? names : undefined;
  const single = at(node, 'query', 'SelectStmt', 'op') === 'SETOP_NONE';
  return {
    op: 'create-view',
    name: relationName(at(node, 'view')),
    columns: named.length > 0 ? named : told,
    text: fingerprint(at(node, 'query')),
    rows: single ? rows : undefined,
  };
}
