import { at, kindOf, list } from '../ast.ts';
import type { ColumnDefinition, Constraint, Operation } from '../operation.ts';
import { copyOf } from './rows.ts';
import { columnName, fingerprint, inside, relationName, strings, text } from './tree.ts';
import { columnType } from './types.ts';

/** Reads a CREATE TABLE. */
export function createTable(node: unknown): Operation[] {
  const name = relationName(at(node, 'relation'));
  const elements = list(node, 'tableElts');
  const constraints: Constraint[] = [];
  const columns = elements.flatMap((element) => {
    const definition = at(element, 'ColumnDef');
    if (definition === undefined) return [];
    const read = readColumn(definition, name);
    constraints.push(...read.constraints);
    return [read.column];
  });
  for (const element of elements) {
    const constraint = at(element, 'Constraint');
    if (constraint !== undefined) constraints.push(...tableConstraint(constraint, name));
  }
  const keys = constraints.filter(({ kind }) => kind === 'primary-key').flatMap((key) => key.columns);
  for (const column of columns) if (keys.includes(column.name)) column.notNull = true;
  const ifNotExists = at(node, 'if_not_exists') === true;
  const like = elements
    .map((element) => at(element, 'TableLikeClause'))
    .find((clause) => clause !== undefined);
  if (like !== undefined) {
    const source = relationName(at(like, 'relation'));
    return [
      { op: 'copy-table', name, like: source, ifNotExists },
      ...columns.map(
        (column): Operation => ({ op: 'add-column', table: name, column, constraints: [], ifNotExists }),
      ),
      ...constraints.map((constraint): Operation => ({ op: 'add-constraint', table: name, constraint })),
    ];
  }
  // Columns that come from a parent or a type are not in the text.
  const elsewhere = list(node, 'inhRelations').length > 0 || at(node, 'ofTypename') !== undefined;
  const table = { name, columns: elsewhere ? undefined : columns, constraints, strict: true };
  return [{ op: 'create-table', table, ifNotExists, rows: undefined }];
}

/** Reads a CREATE TABLE AS, SELECT INTO or CREATE MATERIALIZED VIEW. */
export function createTableAs(node: unknown): Operation[] {
  const name = relationName(at(node, 'into', 'rel'));
  const query = at(node, 'query');
  const rows = copyOf(at(query, 'SelectStmt'), undefined);
  if (at(node, 'objtype') === 'OBJECT_MATVIEW') {
    const columns = rows?.values.every((value) => value.kind !== 'all' && value.as)
      ? rows.values.map((value) => (value.kind === 'all' ? '' : (value.as ?? '')))
      : undefined;
    return [{ op: 'create-view', name, columns, text: fingerprint(query), rows: undefined }];
  }
  const named = rows?.values.map((value) => (value.kind === 'all' ? undefined : value.as));
  const known = named?.every((each) => each !== undefined) ? named : undefined;
  const columns = known?.map((column) => plain(column));
  const table = { name, columns, constraints: [], strict: true };
  return [{ op: 'create-table', table, ifNotExists: at(node, 'if_not_exists') === true, rows }];
}

function plain(name: string): ColumnDefinition {
  return { name, type: '', family: 'as given', notNull: false, filled: false, generated: false };
}

/** One column with the constraints written beside it. */
export function readColumn(
  node: unknown,
  table: string,
): { column: ColumnDefinition; constraints: Constraint[] } {
  const name = text(node, 'colname');
  const declared = columnType(at(node, 'typeName'));
  const serial = SERIAL[declared.type];
  const column: ColumnDefinition = {
    name,
    ...declared,
    ...(serial ? { type: serial, family: 'integer', default: 'serial' } : {}),
    notNull: serial !== undefined,
    filled: serial !== undefined,
    generated: false,
  };
  const collation = list(node, 'collClause', 'collname');
  if (collation.length > 0) column.collation = strings(collation).join('.');
  const constraints: Constraint[] = [];
  for (const each of list(node, 'constraints')) {
    const constraint = at(each, 'Constraint');
    switch (at(constraint, 'contype')) {
      case 'CONSTR_NOTNULL':
        column.notNull = true;
        break;
      case 'CONSTR_DEFAULT':
        Object.assign(column, defaultOf(at(constraint, 'raw_expr')));
        break;
      case 'CONSTR_IDENTITY':
        column.notNull = true;
        column.filled = true;
        column.default = 'identity';
        column.generated = at(constraint, 'generated_when') === 'a';
        break;
      case 'CONSTR_GENERATED':
        column.filled = true;
        column.generated = true;
        break;
      default:
        constraints.push(...tableConstraint(constraint, table, name));
    }
    if (at(constraint, 'contype') === 'CONSTR_PRIMARY') column.notNull = true;
  }
  return { column, constraints };
}

const SERIAL: Record<string, string> = {
  serial: 'int4',
  serial4: 'int4',
  bigserial: 'int8',
  serial8: 'int8',
  smallserial: 'int2',
  serial2: 'int2',
};

/** What a default does; NULL is none. */
export function defaultOf(expression: unknown): { filled: boolean; default: string } {
  let inner = expression;
  while (at(inner, 'TypeCast') !== undefined) inner = at(inner, 'TypeCast', 'arg');
  const isNull = expression === undefined || at(inner, 'A_Const', 'isnull') === true;
  // A cast to the column's own type, as dumps write it, changes nothing.
  return { filled: !isNull, default: fingerprint(inner ?? null) };
}

/** Named as PostgreSQL names it where the statement does not; `column` where it is written beside one. */
export function tableConstraint(node: unknown, table: string, column?: string): Constraint[] {
  const beside = column === undefined ? [] : [column];
  const keys = strings(list(node, 'keys'));
  const given = at(node, 'conname');
  const base = table.slice(table.lastIndexOf('.') + 1);
  const name = (...parts: string[]) => (typeof given === 'string' ? given : [base, ...parts].join('_'));
  switch (at(node, 'contype')) {
    case 'CONSTR_PRIMARY':
      return [{ kind: 'primary-key', name: name('pkey'), columns: keys.length > 0 ? keys : beside, on: '' }];
    case 'CONSTR_UNIQUE': {
      const columns = keys.length > 0 ? keys : beside;
      return [{ kind: 'unique', name: name(...columns, 'key'), columns, on: '' }];
    }
    case 'CONSTR_CHECK': {
      const expression = at(node, 'raw_expr');
      const used = inside(expression, 'ColumnRef').flatMap((ColumnRef) => columnName({ ColumnRef }) ?? []);
      const columns = [...new Set(used)];
      const subject = column !== undefined || columns.length === 1 ? [column ?? (columns[0] as string)] : [];
      return [{ kind: 'check', name: name(...subject, 'check'), columns, on: fingerprint(expression) }];
    }
    case 'CONSTR_EXCLUSION': {
      const columns = list(node, 'exclusions').flatMap((pair) => {
        const found = at(pair, 'List', 'items', 0, 'IndexElem', 'name');
        return typeof found === 'string' ? [found] : [];
      });
      return [
        {
          kind: 'exclusion',
          name: name(...columns, 'excl'),
          columns,
          on: fingerprint(at(node, 'exclusions')),
        },
      ];
    }
    case 'CONSTR_FOREIGN': {
      const listed = strings(list(node, 'fk_attrs'));
      const columns = listed.length > 0 ? listed : beside;
      const target = relationName(at(node, 'pktable'));
      const on = `references ${target}(${strings(list(node, 'pk_attrs')).join(',')})`;
      const restricts = /^[cnd]$/.test(String(at(node, 'fk_del_action'))) ? {} : { restricts: target };
      return [{ kind: 'foreign-key', name: name(...columns, 'fkey'), columns, on, ...restricts }];
    }
    default:
      // NULL, and when constraints are checked.
      return [];
  }
}

/** Reads a CREATE INDEX. */
export function createIndex(node: unknown): Operation {
  const table = relationName(at(node, 'relation'));
  const elements = list(node, 'indexParams').map((element) => at(element, 'IndexElem'));
  const names = elements.map((element) => at(element, 'name'));
  const predicate = at(node, 'whereClause');
  const condition = predicate === undefined ? '' : ` where ${fingerprint(predicate)}`;
  const plainColumns = names.every((name) => typeof name === 'string');
  const given = at(node, 'idxname');
  const parts = names.map((name) => (typeof name === 'string' ? name : 'expr'));
  const base = table.slice(table.lastIndexOf('.') + 1);
  return {
    op: 'create-index',
    table,
    constraint: {
      kind: at(node, 'unique') === true ? 'unique' : 'index',
      name: typeof given === 'string' ? given : [base, ...parts, 'idx'].join('_'),
      columns: plainColumns ? (names as string[]) : [],
      on: plainColumns
        ? condition
        : elements.map((element) => fingerprint(at(element, 'expr') ?? at(element, 'name'))).join(',') +
          condition,
    },
    ifNotExists: at(node, 'if_not_exists') === true,
  };
}

/** Whether a USING expression does no more than the change of type itself. */
export function isPlainCast(expression: unknown, column: string): boolean {
  let inner = expression;
  while (kindOf(inner) === 'TypeCast') inner = at(inner, 'TypeCast', 'arg');
  return inner === undefined || columnName(inner) === column;
}
