import type { Engine } from '../../model/migration-formats.ts';
import type { HistoryEntry, HistoryRow } from '../../model/migration-history.ts';
import type { Migration } from '../../model/release.ts';
import type { MigrationHistory } from './migrations.ts';

/** What a history needs beside how it is read. */
interface Table {
  table: string;
  schema?: Partial<Record<Engine, string>>;
  column: string;
  /** All columns that are read, lower case; `hex` ones hold bytes and come as lower-case hexadecimal digits. */
  columns: readonly string[];
  hex?: readonly string[];
  /** Columns of the order in which migrations were applied. */
  order: readonly string[];
  /** Whether the engine folds names that the tool did not quote; PostgreSQL then has them in lower case. */
  upperCase?: boolean;
  fits?: MigrationHistory['fits'];
  read: MigrationHistory['read'];
  /** How a migration is taken out of it: its row goes, or the only row says the one before. */
  takeOut?: 'row' | 'place';
}

/** A history table; it fits where all the columns that are read are there. */
export function historyTable(made: Table): MigrationHistory {
  const { table, schema, column, columns, hex = [], order, upperCase = false, read, takeOut } = made;
  const cased = (name: string, engine: Engine) =>
    upperCase && engine !== 'postgresql' ? name.toUpperCase() : name;
  return {
    table,
    ...(schema ? { schema } : {}),
    column,
    fits: made.fits ?? ((there) => columns.every((name) => there.has(name))),
    query(engine, at = { schema: schema?.[engine], name: cased(table, engine) }) {
      const quoted = (name: string) => quoteName(name, engine);
      // With the table's name, or the result's columns, which are text, would be what is ordered by.
      const own = (name: string) => `t.${quoted(cased(name, engine))}`;
      const selected = columns.map((name) => {
        const value = own(name);
        return `${hex.includes(name) ? hexOf(value, engine) : textOf(value, engine)} AS ${quoted(name)}`;
      });
      const from = nameIn(engine, at.schema, at.name);
      return `SELECT ${selected.join(', ')} FROM ${from} AS t ORDER BY ${order.map(own).join(', ')}`;
    },
    read,
    ...(takeOut && {
      takeOut: (version: string, previous: string | undefined, engine: Engine) =>
        (takeOut === 'row' ? deleteRow : setPlace)(made, version, previous, engine),
    }),
  };
}

/** The tool has a row for each migration. */
function deleteRow({ table, schema, column }: Table, version: string, _: unknown, engine: Engine): string {
  return `DELETE FROM ${nameIn(engine, schema?.[engine], table)} WHERE ${quoteName(column, engine)} = ${quoteText(version, engine)}`;
}

/** The tool has one row, which says where it stands. */
function setPlace(
  { table, schema, column }: Table,
  _: string,
  previous: string | undefined,
  engine: Engine,
): string {
  const name = nameIn(engine, schema?.[engine], table);
  const empty = `DELETE FROM ${name}`;
  if (previous === undefined) return empty;
  const columns = [column, 'dirty'].map((one) => quoteName(one, engine)).join(', ');
  return `${empty}; INSERT INTO ${name} (${columns}) VALUES (${quoteText(previous, engine)}, ${engine === 'postgresql' ? 'false' : '0'})`;
}

function nameIn(engine: Engine, schema: string | undefined, table: string): string {
  return [schema, table].flatMap((part) => (part === undefined ? [] : quoteName(part, engine))).join('.');
}

function quoteText(text: string, engine: Engine): string {
  const escaped = engine === 'mysql' ? text.replaceAll('\\', '\\\\') : text;
  return `'${escaped.replaceAll("'", "''")}'`;
}

function quoteName(name: string, engine: Engine): string {
  return engine === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`;
}

function textOf(value: string, engine: Engine): string {
  return `CAST(${value} AS ${engine === 'mysql' ? 'CHAR' : 'TEXT'})`;
}

function hexOf(value: string, engine: Engine): string {
  return engine === 'postgresql' ? `encode(${value}, 'hex')` : `lower(hex(${value}))`;
}

/** The text of a column; undefined where it is NULL or not there. */
export function text(row: HistoryRow, column: string): string | undefined {
  const key = column in row ? column : Object.keys(row).find((name) => name.toLowerCase() === column);
  const value = key === undefined ? undefined : row[key];
  return value === null || value === undefined ? undefined : String(value);
}

/** The text of a column that is never NULL. */
export function textAlways(row: HistoryRow, column: string): string {
  return text(row, column) ?? '';
}

/** Whether a column is true, however the engine writes that. */
export function isTrue(row: HistoryRow, column: string): boolean {
  return /^(?:true|t|1)$/i.test(textAlways(row, column));
}

/** Whether a column's type is one for text, in the words of any engine's catalog. */
export function isText(type: string | undefined): boolean {
  return type !== undefined && /char|text|string/i.test(type);
}

/** A history that has a row for each applied migration and no other state. */
export function oneRowEach(column: string): MigrationHistory['read'] {
  return (rows) => rows.map((row): HistoryEntry => ({ version: textAlways(row, column), state: 'applied' }));
}

/** All known migrations up to that version, and the version itself, known or not. */
export function upTo(
  version: string,
  known: readonly Migration[],
  compare: (a: string, b: string) => number,
): HistoryEntry[] {
  const before = known.map((migration) => migration.version).filter((one) => compare(one, version) < 0);
  return [...before.sort(compare), version].map((one) => ({ version: one, state: 'applied' }));
}
