import { delimited } from './formatted-sql.ts';
import type { Node } from './nodes.ts';

/** A change as the SQL that all engines write alike, as far as they do. */
export interface Change {
  up: Statement[];
  /** undefined where Liquibase can't take it back by itself. */
  down: Statement[] | undefined;
}

interface Statement {
  /** In the changelog, from 1. */
  line: number;
  sql: string;
}

/** The content of a file that a change names; undefined where it is not there. */
type Read = (path: string, relative: boolean) => string | undefined;

/** undefined where what it does is not known. */
export function changeOf(node: Node, read: Read): Change | undefined {
  if (NOTHING.has(node.name)) return { up: [], down: [] };
  if (node.name === 'sql' || node.name === '') return ofSql(node, node.text, node.textLine);
  if (node.name === 'sqlFile') {
    const { path = '', relativeToChangelogFile } = node.attributes;
    const content = read(path, relativeToChangelogFile === 'true');
    return content === undefined ? undefined : ofSql(node, content, node.line);
  }
  const said = CHANGES[node.name]?.(node);
  // What has no value, or one that is no name, is not guessed.
  if (!said || [said.up, said.down ?? []].flat().some((sql) => sql.includes(UNKNOWN))) return undefined;
  const at = (sql: string) => ({ line: node.line, sql });
  return { up: said.up.map(at), down: said.down?.map(at) };
}

const NOTHING = new Set(['empty', 'tagDatabase', 'output', 'stop']);
/** Stands where something is not known; no SQL has it. */
const UNKNOWN = '\0';

function ofSql({ attributes }: Node, text: string, line: number): Change {
  const delimiter = attributes.endDelimiter;
  const sql = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((each) => delimited(each, delimiter === ';' ? undefined : delimiter))
    .join('\n');
  return { up: [{ line, sql }], down: undefined };
}

interface Said {
  up: string[];
  down?: string[];
}

const CHANGES: Record<string, (node: Node) => Said | undefined> = {
  createTable: (node) => ({
    up: [`CREATE TABLE ${table(node)} (${columns(node).map(definition).join(', ')})`],
    down: [`DROP TABLE ${table(node)}`],
  }),
  dropTable: (node) => ({
    up: [`DROP TABLE ${table(node)}${node.attributes.cascadeConstraints === 'true' ? ' CASCADE' : ''}`],
  }),
  renameTable: (node) =>
    rename(node, 'oldTableName', 'newTableName', (from, to) => `ALTER TABLE ${from} RENAME TO ${to}`),
  addColumn: (node) => ({
    up: columns(node).flatMap((column) => [
      `ALTER TABLE ${table(node)} ADD COLUMN ${definition(column)}`,
      ...filled(node, column),
    ]),
    down: columns(node)
      .toReversed()
      .map((column) => `ALTER TABLE ${table(node)} DROP COLUMN ${name(column.attributes.name)}`),
  }),
  dropColumn: (node) => {
    const { columnName } = node.attributes;
    const names = columnName ? [columnName] : columns(node).map(({ attributes }) => attributes.name);
    return { up: names.map((one) => `ALTER TABLE ${table(node)} DROP COLUMN ${name(one)}`) };
  },
  renameColumn: (node) =>
    rename(
      node,
      'oldColumnName',
      'newColumnName',
      (from, to) => `ALTER TABLE ${table(node)} RENAME COLUMN ${from} TO ${to}`,
    ),
  modifyDataType: (node) => ({
    up: [`${alterColumn(node)} TYPE ${type(node.attributes.newDataType)}`],
  }),
  addNotNullConstraint: (node) => ({
    up: [
      ...(node.attributes.defaultNullValue === undefined
        ? []
        : [
            `UPDATE ${table(node)} SET ${name(node.attributes.columnName)} = ${text(node.attributes.defaultNullValue)} WHERE ${name(node.attributes.columnName)} IS NULL`,
          ]),
      `${alterColumn(node)} SET NOT NULL`,
    ],
    down: [`${alterColumn(node)} DROP NOT NULL`],
  }),
  dropNotNullConstraint: (node) => ({
    up: [`${alterColumn(node)} DROP NOT NULL`],
    down: [`${alterColumn(node)} SET NOT NULL`],
  }),
  addDefaultValue: (node) => ({
    up: [`${alterColumn(node)} SET DEFAULT ${value(node.attributes, 'defaultValue') ?? UNKNOWN}`],
    down: [`${alterColumn(node)} DROP DEFAULT`],
  }),
  dropDefaultValue: (node) => ({ up: [`${alterColumn(node)} DROP DEFAULT`] }),
  addPrimaryKey: (node) => constraint(node, `PRIMARY KEY (${names(node.attributes.columnNames)})`),
  dropPrimaryKey: dropConstraint,
  addUniqueConstraint: (node) => constraint(node, `UNIQUE (${names(node.attributes.columnNames)})`),
  dropUniqueConstraint: dropConstraint,
  addForeignKeyConstraint: (node) => {
    const { baseTableName, baseColumnNames, referencedTableName, referencedColumnNames } = node.attributes;
    return constraint(
      { ...node, attributes: { ...node.attributes, tableName: baseTableName ?? '' } },
      `FOREIGN KEY (${names(baseColumnNames)}) REFERENCES ${name(referencedTableName)} (${names(referencedColumnNames)})`,
    );
  },
  dropForeignKeyConstraint: (node) =>
    dropConstraint({
      ...node,
      attributes: { ...node.attributes, tableName: node.attributes.baseTableName ?? '' },
    }),
  createIndex: (node) => ({
    up: [
      `CREATE ${node.attributes.unique === 'true' ? 'UNIQUE ' : ''}INDEX ${name(node.attributes.indexName)} ON ${table(node)} (${columns(
        node,
      )
        .map(({ attributes }) => name(attributes.name))
        .join(', ')})`,
    ],
    down: [`DROP INDEX ${name(node.attributes.indexName)}`],
  }),
  dropIndex: (node) => ({ up: [`DROP INDEX ${name(node.attributes.indexName)}`] }),
  createView: (node) => ({
    up: [
      node.attributes.fullDefinition === 'true'
        ? node.text
        : `CREATE ${node.attributes.replaceIfExists === 'true' ? 'OR REPLACE ' : ''}VIEW ${name(node.attributes.viewName)} AS ${node.text || node.attributes.selectQuery || UNKNOWN}`,
    ],
    ...(node.attributes.replaceIfExists === 'true'
      ? {}
      : { down: [`DROP VIEW ${name(node.attributes.viewName)}`] }),
  }),
  dropView: (node) => ({ up: [`DROP VIEW ${name(node.attributes.viewName)}`] }),
  insert: (node) => ({
    up: [
      `INSERT INTO ${table(node)} (${columns(node)
        .map(({ attributes }) => name(attributes.name))
        .join(', ')}) VALUES (${columns(node)
        .map(({ attributes }) => value(attributes, 'value') ?? 'NULL')
        .join(', ')})`,
    ],
  }),
  update: (node) => ({
    up: [
      `UPDATE ${table(node)} SET ${columns(node)
        .map(({ attributes }) => `${name(attributes.name)} = ${value(attributes, 'value') ?? 'NULL'}`)
        .join(', ')}${where(node)}`,
    ],
  }),
  delete: (node) => ({ up: [`DELETE FROM ${table(node)}${where(node)}`] }),
};

function rename(node: Node, from: string, to: string, sql: (from: string, to: string) => string): Said {
  const [old, fresh] = [name(node.attributes[from]), name(node.attributes[to])];
  return { up: [sql(old, fresh)], down: [sql(fresh, old)] };
}

function constraint(node: Node, what: string): Said {
  const { constraintName } = node.attributes;
  const named = constraintName === undefined ? '' : `CONSTRAINT ${name(constraintName)} `;
  return {
    up: [`ALTER TABLE ${table(node)} ADD ${named}${what}`],
    ...(constraintName === undefined
      ? {}
      : { down: [`ALTER TABLE ${table(node)} DROP CONSTRAINT ${name(constraintName)}`] }),
  };
}

function dropConstraint(node: Node): Said {
  return { up: [`ALTER TABLE ${table(node)} DROP CONSTRAINT ${name(node.attributes.constraintName)}`] };
}

function alterColumn(node: Node): string {
  return `ALTER TABLE ${table(node)} ALTER COLUMN ${name(node.attributes.columnName)}`;
}

function columns(node: Node): Node[] {
  return node.children.filter((child) => child.name === 'column');
}

/** `name type DEFAULT x NOT NULL ...` of a column. */
function definition({ attributes, children }: Node): string {
  const limits = children.find((child) => child.name === 'constraints')?.attributes ?? {};
  const preset = value(attributes, 'defaultValue');
  // The engine gives such a column its values, each in words of its own.
  const own = attributes.autoIncrement === 'true' ? ' GENERATED BY DEFAULT AS IDENTITY' : '';
  return [
    `${name(attributes.name)} ${type(attributes.type)}${own}`,
    preset === undefined ? '' : ` DEFAULT ${preset}`,
    limits.nullable === 'false' ? ' NOT NULL' : '',
    limits.primaryKey === 'true' ? ' PRIMARY KEY' : '',
    limits.unique === 'true' ? ' UNIQUE' : '',
    limits.references === undefined ? '' : ` REFERENCES ${limits.references}`,
  ].join('');
}

/** What a new column is filled with in the rows that are there. */
function filled(node: Node, { attributes }: Node): string[] {
  const given = value(attributes, 'value');
  return given === undefined ? [] : [`UPDATE ${table(node)} SET ${name(attributes.name)} = ${given}`];
}

/** Of `value`, `valueNumeric` and so on as SQL; undefined where none is given. */
function value(attributes: Record<string, string>, prefix: 'value' | 'defaultValue'): string | undefined {
  const of = (suffix: string) => attributes[`${prefix}${suffix}`];
  const plain = of('') ?? of('Date');
  if (plain !== undefined) return text(plain);
  const written = of('Numeric') ?? of('Boolean') ?? of('Computed');
  if (written !== undefined) return written;
  const others = Object.keys(attributes).some(
    (key) => key.startsWith(prefix) && !key.endsWith('ConstraintName'),
  );
  return others ? UNKNOWN : undefined;
}

function where(node: Node): string {
  const given = node.attributes.where ?? node.children.find((child) => child.name === 'where')?.text;
  return given === undefined ? '' : ` WHERE ${given}`;
}

function table({ attributes }: Node): string {
  const { schemaName, tableName } = attributes;
  return schemaName === undefined ? name(tableName) : `${name(schemaName)}.${name(tableName)}`;
}

function names(list: string | undefined): string {
  return (list ?? '')
    .split(',')
    .map((one) => name(one.trim()))
    .join(', ');
}

/** Each engine quotes another way: what needs quotes is not known. */
function name(given: string | undefined): string {
  return given !== undefined && /^(?:[A-Za-z_][\w$]*|\$\{[^}]+\})$/.test(given) ? given : UNKNOWN;
}

function type(given: string | undefined): string {
  return given === undefined || given.startsWith('java.') ? UNKNOWN : given;
}

function text(given: string): string {
  return `'${given.replaceAll("'", "''")}'`;
}
