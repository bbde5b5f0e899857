import { at, fingerprint, kindOf, list, nameOf } from './ast.ts';
import type { ColumnDefinition, Constraint, TableDefinition } from './operation.ts';

/** Reads a CREATE TABLE of SQLite. */
export function sqliteTable(node: unknown, withoutRowid: boolean): TableDefinition {
  const strict = at(node, 'strict') === true;
  const constraints = list(node, 'constraints').map(tableConstraint);
  const columns = list(node, 'columns').map((column) => {
    const read = sqliteColumn(column);
    constraints.push(...read.constraints);
    return read.column;
  });
  const key = constraints.find((constraint) => constraint.kind === 'primary-key');
  const keyColumns = key?.columns.map((name) => name.toLowerCase()) ?? [];
  for (const column of columns) {
    if (!keyColumns.includes(column.name.toLowerCase())) continue;
    const isRowid = keyColumns.length === 1 && column.type === 'INTEGER' && !withoutRowid;
    // Elsewhere SQLite lets a primary key be NULL (https://www.sqlite.org/quirks.html).
    if (isRowid) column.filled = true;
    else if (strict || withoutRowid) column.notNull = true;
  }
  return { name: nameOf(at(node, 'name')), columns, constraints, strict };
}

/** One column with the constraints written beside it. */
export function sqliteColumn(node: unknown): { column: ColumnDefinition; constraints: Constraint[] } {
  const name = String(at(node, 'name', 'value'));
  const column: ColumnDefinition = {
    name,
    type: typeName(at(node, 'data_type')),
    family: affinity(at(node, 'data_type')),
    notNull: false,
    filled: false,
    generated: false,
  };
  const constraints: Constraint[] = [];
  for (const { option } of list(node, 'options') as { option: unknown }[]) {
    switch (kindOf(option)) {
      case 'NotNull':
        column.notNull = true;
        break;
      case 'Default':
        column.filled = at(option, 'Default', 'Value', 'value') !== 'Null';
        column.default = fingerprint(at(option, 'Default'));
        break;
      case 'Generated':
        column.filled = true;
        column.generated = true;
        break;
      case 'PrimaryKey':
        constraints.push({ kind: 'primary-key', columns: [name], on: '' });
        break;
      case 'Unique':
        constraints.push({ kind: 'unique', columns: [name], on: '' });
        break;
      case 'Check':
        constraints.push({ kind: 'check', columns: [], on: fingerprint(at(option, 'Check', 'expr')) });
        break;
      case 'ForeignKey':
        constraints.push(foreignKey([name], at(option, 'ForeignKey')));
        break;
    }
  }
  return { column, constraints };
}

/** What a key is on, its condition included. */
export function keyOf(columns: unknown[], predicate?: unknown): { columns: string[]; on: string } {
  const condition = predicate ? ` where ${fingerprint(predicate)}` : '';
  const names = columns.map((column) => at(column, 'column', 'expr', 'Identifier', 'value'));
  if (names.every((name) => typeof name === 'string')) return { columns: names, on: condition };
  const expressions = columns.map((column) => fingerprint(at(column, 'column', 'expr')));
  return { columns: [], on: expressions.join(',') + condition };
}

function tableConstraint(node: unknown): Constraint {
  switch (kindOf(node)) {
    case 'PrimaryKey':
      return { kind: 'primary-key', ...keyOf(list(node, 'PrimaryKey', 'columns')) };
    case 'Unique':
      return { kind: 'unique', ...keyOf(list(node, 'Unique', 'columns')) };
    case 'ForeignKey': {
      const columns = list(node, 'ForeignKey', 'columns').map((column) => String(at(column, 'value')));
      return foreignKey(columns, at(node, 'ForeignKey'));
    }
    default:
      return { kind: 'check', columns: [], on: fingerprint(at(node, 'Check', 'expr') ?? node) };
  }
}

function foreignKey(columns: string[], node: unknown): Constraint {
  const referred = list(node, 'referred_columns').map((column) => String(at(column, 'value')));
  const table = nameOf(at(node, 'foreign_table'));
  const on = `references ${table}(${referred.join(',')})`.toLowerCase();
  const gives = /^(?:Cascade|SetNull|SetDefault)$/.test(String(at(node, 'on_delete')));
  return { kind: 'foreign-key', columns, on, ...(gives ? {} : { restricts: table }) };
}

function typeName(type: unknown): string {
  const custom = list(type, 'Custom', 0);
  if (custom.length > 0)
    return custom
      .map((part) => String(at(part, 'Identifier', 'value')))
      .join(' ')
      .toUpperCase();
  const kind = kindOf(type);
  return kind === 'Unspecified' ? '' : kind.toUpperCase();
}

/** Type affinity by the rules of https://www.sqlite.org/datatype3.html, section 3.1. */
function affinity(type: unknown): string {
  const name = typeName(type);
  if (/INT/.test(name)) return 'number';
  if (/CHAR|CLOB|TEXT/.test(name)) return 'text';
  if (name === '' || /BLOB|^ANY$/.test(name)) return 'as given';
  return 'number';
}
