import { at, fingerprint, kindOf, list, nameOf, UnreadableTree } from './ast.ts';
import type { Engine } from './dialect.ts';
import type { Operation } from './operation.ts';
import { splitStatements } from './split-statements.ts';
import { sqliteConfine } from './sqlite-confine.ts';
import { sqliteDialect } from './sqlite-dialect.ts';
import { copyOf, sqliteRows } from './sqlite-rows.ts';
import { keyOf, sqliteColumn, sqliteTable } from './sqlite-table.ts';

/** Loads the parser (WebAssembly, several MB), once. */
export async function sqliteEngine(): Promise<Engine> {
  const { init, parse } = await import('@guanmingchiu/sqlparser-ts');
  await init();
  return {
    dialect: sqliteDialect,
    confine: ({ text }) => sqliteConfine(text),
    read: (sql) =>
      splitStatements(sql).map((statement) => ({
        ...statement,
        operations: readStatement(statement.text, (text) => parse(text, 'sqlite')),
      })),
  };
}

function readStatement(statement: string, parse: (text: string) => unknown[]): Operation[] {
  const simple = withoutParser(statement);
  if (simple) return simple;
  const { text, withoutRowid } = readable(statement);
  try {
    return parse(text).flatMap((tree) => operations(tree, withoutRowid));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [
      { op: 'unknown', why: error instanceof UnreadableTree ? why : `It could not be parsed: ${why}.` },
    ];
  }
}

const HARMLESS = new Set([
  'begin',
  'commit',
  'end',
  'savepoint',
  'release',
  'vacuum',
  'reindex',
  'analyze',
  'explain',
]);
/** Settings of the connection, and numbers that only an application reads. */
const HARMLESS_PRAGMAS =
  /^pragma\s+(?:\w+\.)?(?:foreign_keys|foreign_key_check|foreign_key_list|defer_foreign_keys|legacy_alter_table|user_version|application_id|journal_mode|synchronous|busy_timeout|cache_size|temp_store|optimize|integrity_check|quick_check|table_info|table_xinfo|recursive_triggers|ignore_check_constraints)\b/i;
const VIRTUAL =
  /^create\s+virtual\s+table\s+(if\s+not\s+exists\s+)?(?:\w+\s*\.\s*)?("(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|[\w$]+)\s+using\s/i;

/** Statements that the parser does not read, or that need no reading. */
function withoutParser(statement: string): Operation[] | undefined {
  const word = /^\w+/.exec(statement)?.[0].toLowerCase() ?? '';
  if (HARMLESS.has(word)) return [{ op: 'nothing' }];
  if (word === 'pragma') {
    if (HARMLESS_PRAGMAS.test(statement)) return [{ op: 'nothing' }];
    return [{ op: 'unknown', why: 'What this PRAGMA does to the schema or its rows is not known.' }];
  }
  if (word === 'attach' || word === 'detach' || word === 'rollback') {
    return [
      { op: 'unknown', why: `What the migration does cannot be followed through ${word.toUpperCase()}.` },
    ];
  }
  const virtual = VIRTUAL.exec(statement);
  if (!virtual) return undefined;
  const name = (virtual[2] as string).replace(/^["`[]|["`\]]$/g, '').replaceAll('""', '"');
  const table = { name, columns: undefined, constraints: [], strict: false };
  return [{ op: 'create-table', table, ifNotExists: virtual[1] !== undefined, rows: undefined }];
}

/** The same statement in words that the parser reads. */
function readable(statement: string): { text: string; withoutRowid: boolean } {
  const both = /\)\s*(?:strict\s*,\s*without\s+rowid|without\s+rowid\s*,\s*strict)\s*$/i;
  const text = statement
    .replace(/^(create\s+(?:temp(?:orary)?\s+)?trigger\s+)if\s+not\s+exists\s+/i, '$1')
    .replace(both, ') STRICT');
  return { text, withoutRowid: both.test(statement) };
}

function operations(tree: unknown, withoutRowid: boolean): Operation[] {
  const kind = kindOf(tree);
  const node = at(tree, kind);
  switch (kind) {
    case 'CreateTable':
      return [createTable(node, withoutRowid || at(node, 'without_rowid') === true)];
    case 'AlterTable':
      return list(node, 'operations').map((operation) => alterTable(nameOf(at(node, 'name')), operation));
    case 'Drop':
      return list(node, 'names').map((name) =>
        drop(String(at(node, 'object_type')), nameOf(name), at(node, 'if_exists') === true),
      );
    case 'CreateIndex':
      return [
        {
          op: 'create-index',
          table: nameOf(at(node, 'table_name')),
          constraint: {
            kind: at(node, 'unique') === true ? 'unique' : 'index',
            name: nameOf(at(node, 'name')),
            ...keyOf(list(node, 'columns'), at(node, 'predicate')),
          },
          ifNotExists: at(node, 'if_not_exists') === true,
        },
      ];
    case 'CreateView':
      return [createView(node)];
    case 'CreateTrigger':
      return [
        { op: 'create-trigger', name: nameOf(at(node, 'name')), table: nameOf(at(node, 'table_name')) },
      ];
    case 'DropTrigger':
      return [{ op: 'drop-trigger', name: nameOf(at(node, 'trigger_name')) }];
    case 'Insert':
    case 'Update':
    case 'Delete':
      return sqliteRows(kind, node);
    case 'Query': {
      const body = kindOf(at(node, 'body'));
      // A statement that begins with WITH is a query around the statement itself.
      if (['Insert', 'Update', 'Delete'].includes(body))
        return sqliteRows(body, at(node, 'body', body, body));
      return [{ op: 'nothing' }];
    }
    default:
      return [{ op: 'unknown', why: `What ${kind} does to the schema is not known.` }];
  }
}

export function createTable(node: unknown, withoutRowid: boolean): Operation {
  const table = sqliteTable(node, withoutRowid);
  const query = at(node, 'query');
  const ifNotExists = at(node, 'if_not_exists') === true;
  if (query === undefined || query === null) {
    return { op: 'create-table', table, ifNotExists, rows: undefined };
  }
  const rows = copyOf(query, undefined);
  const columns = rows?.values.map((value) =>
    value.kind === 'all' || value.as === undefined
      ? undefined
      : { name: value.as, type: '', family: 'as given', notNull: false, filled: false, generated: false },
  );
  const known = columns?.every((column) => column !== undefined) ? columns : undefined;
  return { op: 'create-table', table: { ...table, columns: known }, ifNotExists, rows };
}

function alterTable(table: string, operation: unknown): Operation {
  const kind = kindOf(operation);
  const node = at(operation, kind);
  switch (kind) {
    case 'AddColumn': {
      const { column, constraints } = sqliteColumn(at(node, 'column_def'));
      return { op: 'add-column', table, column, constraints, ifNotExists: false };
    }
    case 'DropColumn':
      return {
        op: 'drop-column',
        table,
        column: String(at(node, 'column_names', 0, 'value')),
        ifExists: false,
      };
    case 'RenameColumn':
      return {
        op: 'rename-column',
        table,
        column: String(at(node, 'old_column_name', 'value')),
        to: String(at(node, 'new_column_name', 'value')),
      };
    case 'RenameTable':
      return { op: 'rename-table', name: table, to: nameOf(at(node, 'table_name', 'To')), moves: false };
    default:
      return { op: 'unknown', why: `SQLite has no ALTER TABLE ${kind}.` };
  }
}

function drop(type: string, name: string, ifExists: boolean): Operation {
  switch (type) {
    case 'Table':
      return { op: 'drop-table', name, ifExists };
    case 'View':
      return { op: 'drop-view', name, ifExists };
    case 'Index':
      return { op: 'drop-constraint', table: undefined, name, what: 'index', ifExists };
    default:
      return { op: 'unknown', why: `What DROP ${type.toUpperCase()} does is not known.` };
  }
}

export function createView(node: unknown): Operation {
  const named = list(node, 'columns').map((column) => String(at(column, 'name', 'value')));
  const rows = copyOf(at(node, 'query'), undefined);
  const values = rows?.values ?? [];
  const names = values.map((value) => (value.kind === 'all' ? undefined : value.as || undefined));
  const told = names.length > 0 && names.every((name) => name !== undefined) ? names : undefined;
  const text = fingerprint(at(node, 'query'));
  return {
    op: 'create-view',
    name: nameOf(at(node, 'name')),
    columns: named.length > 0 ? named : told,
    text,
    rows,
  };
}
