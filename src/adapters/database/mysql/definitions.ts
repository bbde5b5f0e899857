import type { Definition } from '../../../schema-changes/live-catalog.ts';
import type { Session } from './connection.ts';
import { quoteName } from './scratch.ts';

type Row = Record<string, string>;

/**
 * Everything that makes the schema of the session's database, each after what it needs, in the order of names. Left out
 * are definers, events and the next number of a key.
 */
export async function readDefinitions(session: Session): Promise<Definition[]> {
  const tables = await session.rows<{ name: string; type: string }>(
    `SELECT TABLE_NAME AS name, TABLE_TYPE AS type FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME`,
  );
  const named = (...types: string[]) =>
    tables.filter(({ type }) => types.includes(type)).map(({ name }) => name);
  const show = async (what: string, name: string, column: string) => {
    const [row] = await session.rows<Row>(`SHOW CREATE ${what} ${quoteName(name)}`);
    const sql = row?.[column];
    if (typeof sql === 'string') return withoutDefiner(sql);
    throw new Error(`SHOW CREATE ${what} ${name} gave nothing: the user lacks the right to see it`);
  };
  const definitions: Definition[] = [];
  for (const name of named('SEQUENCE')) {
    const operation = { op: 'create-object', kind: 'sequence', name, text: '', replaces: true } as const;
    definitions.push({ kind: 'sequence', name, sql: `CREATE SEQUENCE ${quoteName(name)}`, operation });
  }
  for (const name of named('BASE TABLE', 'SYSTEM VERSIONED')) {
    const sql = (await show('TABLE', name, 'Create Table')).replace(/ AUTO_INCREMENT=\d+/, '');
    definitions.push({ kind: 'table', name, sql });
  }
  definitions.push(...(await collations(session, named('BASE TABLE', 'SYSTEM VERSIONED'))));
  for (const name of named('VIEW'))
    definitions.push({
      kind: 'view',
      name,
      sql: await view(session, name, await show('VIEW', name, 'Create View')),
    });
  const routines = await session.rows<{ name: string; type: string }>(
    `SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type FROM information_schema.ROUTINES
     WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE') ORDER BY ROUTINE_NAME, ROUTINE_TYPE`,
  );
  for (const { name, type } of routines) {
    const sql = await show(type, name, `Create ${type[0]}${type.slice(1).toLowerCase()}`);
    const object = `${name}${type === 'PROCEDURE' ? ' (procedure)' : ''}`;
    const operation = {
      op: 'create-object',
      kind: 'function',
      name: object,
      text: sql,
      replaces: true,
    } as const;
    definitions.push({ kind: 'function', name: object, sql, operation });
  }
  const triggers = await session.rows<{ name: string; table: string }>(
    `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS \`table\` FROM information_schema.TRIGGERS
     WHERE TRIGGER_SCHEMA = DATABASE() ORDER BY TRIGGER_NAME`,
  );
  for (const { name, table } of triggers) {
    const sql = await show('TRIGGER', name, 'SQL Original Statement');
    const operation = { op: 'create-trigger', name, table } as const;
    definitions.push({ kind: 'trigger', name: `${name} on ${table}`, sql, operation });
  }
  return definitions;
}

/** Of every text column: most are only said of its table. */
async function collations(session: Session, tables: string[]): Promise<Definition[]> {
  const rows = await session.rows<{ table: string; column: string; collation: string }>(
    `SELECT TABLE_NAME AS \`table\`, COLUMN_NAME AS \`column\`, COLLATION_NAME AS collation
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND COLLATION_NAME IS NOT NULL
     ORDER BY TABLE_NAME, ORDINAL_POSITION`,
  );
  return rows.flatMap(({ table, column, collation }): Definition[] => {
    if (!tables.includes(table)) return [];
    const operation = { op: 'alter-column', table, column, change: { collation }, computed: false } as const;
    return [{ kind: 'column', name: `${table}.${column}`, sql: `COLLATE ${collation}`, operation }];
  });
}

/** With its columns named, so that they are known whatever its query is. */
async function view(session: Session, name: string, sql: string): Promise<string> {
  const columns = await session.rows<{ name: string }>(
    `SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [name],
  );
  const query = sql.replace(/^CREATE [\s\S]*? VIEW (?:`(?:[^`]|``)*`\.)?`(?:[^`]|``)*`(?: \(.*?\))? AS /, '');
  return `CREATE VIEW ${quoteName(name)} (${columns.map((column) => quoteName(column.name)).join(', ')}) AS ${query}`;
}

function withoutDefiner(sql: string): string {
  return sql.replace(/ DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*`/, '');
}
