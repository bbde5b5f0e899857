import { RollbackError } from '../../../model/error.ts';
import type { Connection } from './connection.ts';
import type { TextEncoding } from './literal.ts';
import { decodeText, quoteName, quoteText } from './literal.ts';

export interface SchemaObject {
  type: 'table' | 'index' | 'view' | 'trigger';
  name: string;
  table: string;
  sql: string;
  virtual: boolean;
}

/** A table with rows of its own, and how to read and write them. */
export interface TableShape {
  name: string;
  /** Those that are stored as given; generated ones are not. */
  columns: string[];
  /** Whether the table has columns that an INSERT must not name. */
  generated: boolean;
  /**
   * The name by which the rowid is read and written where no column is an alias of it; undefined where one is, where
   * there is no rowid, or where columns hide all its names.
   */
  rowid: string | undefined;
  /** SQL after the table's name that reads the rows in the order of their key. */
  order: string;
}

export interface SqliteSchema {
  encoding: TextEncoding;
  pragmas: Record<(typeof PRAGMAS)[number], number>;
  journalMode: string;
  /** In the order in which they were made, without SQLite's own. */
  objects: SchemaObject[];
  /** Tables with rows, `sqlite_sequence` and `sqlite_stat1` last. */
  tables: TableShape[];
}

const PRAGMAS = ['page_size', 'auto_vacuum', 'user_version', 'application_id'] as const;
const OWN_TABLES = ['sqlite_sequence', 'sqlite_stat1'];

/** Reads everything that makes the schema. In a transaction, it fixes the transaction's snapshot. */
export function readSchema(db: Connection): SqliteSchema {
  const objectCount = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get() as { n: number };
  const encoding = pragma(db, 'encoding') as TextEncoding;
  const all = readObjects(db, encoding, objectCount.n);
  const objects = all.filter((object) => !object.name.toLowerCase().startsWith('sqlite_'));
  const own = all.filter((object) => OWN_TABLES.includes(object.name));
  const withRows = [...objects.filter((o) => o.type === 'table' && !o.virtual), ...own];
  return {
    encoding,
    pragmas: Object.fromEntries(
      PRAGMAS.map((name) => [name, Number(pragma(db, name))]),
    ) as SqliteSchema['pragmas'],
    journalMode: String(pragma(db, 'journal_mode')),
    objects,
    tables: withRows.map((object) => tableShape(db, object, encoding)),
  };
}

function readObjects(db: Connection, encoding: TextEncoding, expected: number): SchemaObject[] {
  const rows = db
    .prepare(
      `SELECT CAST(type AS BLOB), CAST(name AS BLOB), CAST(tbl_name AS BLOB), CAST(sql AS BLOB), rootpage
       FROM sqlite_schema ORDER BY rowid`,
    )
    .raw()
    .all() as [Buffer, Buffer, Buffer, Buffer | null, number | null][];
  if (rows.length !== expected)
    throw new Error(`sqlite_schema has ${expected} rows, ${rows.length} were read`);
  return rows.flatMap(([type, name, table, sql, rootpage]) => {
    // An index without SQL belongs to a UNIQUE or PRIMARY KEY of its table.
    if (sql === null) return [];
    const object = {
      type: decode(type, encoding) as SchemaObject['type'],
      name: decode(name, encoding),
      table: decode(table, encoding),
      sql: decode(sql, encoding),
    };
    return [{ ...object, virtual: object.type === 'table' && !rootpage }];
  });
}

function tableShape(db: Connection, table: SchemaObject, encoding: TextEncoding): TableShape {
  const argument = quoteText(table.name);
  const columns = (
    db.prepare(`SELECT CAST(name AS BLOB), hidden, pk FROM pragma_table_xinfo(${argument})`).raw().all() as [
      Buffer,
      number,
      number,
    ][]
  ).map(([name, hidden, pk]) => ({ name: decode(name, encoding), hidden, pk }));
  const stored = columns.filter((column) => column.hidden === 0);
  const shape = {
    name: table.name,
    columns: stored.map((column) => column.name),
    generated: stored.length < columns.length,
  };
  const keys = columns.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk);
  if (isWithoutRowid(db, argument)) {
    return {
      ...shape,
      rowid: undefined,
      order: ` ORDER BY ${keys.map((key) => quoteName(key.name)).join(', ')}`,
    };
  }
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  const rowid = ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
  // `INTEGER PRIMARY KEY` is the rowid itself, and then there is no index for the key; `INTEGER PRIMARY KEY DESC` has one.
  const alias = keys.length === 1 && !hasKeyIndex(db, argument) ? keys[0] : undefined;
  if (alias) return { ...shape, rowid: undefined, order: ` ORDER BY ${quoteName(alias.name)}` };
  return { ...shape, rowid, order: rowid ? ` ORDER BY ${rowid}` : ' NOT INDEXED' };
}

function isWithoutRowid(db: Connection, argument: string): boolean {
  const row = db.prepare(`SELECT wr FROM pragma_table_list(${argument}) WHERE schema = 'main'`).get();
  return (row as { wr: number } | undefined)?.wr === 1;
}

function hasKeyIndex(db: Connection, argument: string): boolean {
  const row = db
    .prepare(`SELECT count(*) AS n FROM pragma_index_list(${argument}) WHERE origin = 'pk'`)
    .get();
  return (row as { n: number }).n > 0;
}

function pragma(db: Connection, name: string): unknown {
  return (db.prepare(`PRAGMA ${name}`).raw().get() as unknown[])[0];
}

function decode(bytes: Buffer, encoding: TextEncoding): string {
  const text = decodeText(bytes, encoding);
  if (text !== undefined) return text;
  throw new RollbackError({
    code: 'DATABASE_UNREADABLE',
    summary: 'The schema of the database holds text that is not valid',
    detail: `A name or definition in sqlite_schema is not valid ${encoding}: ${bytes.toString('hex').slice(0, 80)}.`,
  });
}
