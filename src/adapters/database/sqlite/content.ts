import type { Hash } from 'node:crypto';
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import type { StoredValue } from './literal.ts';
import { quoteName } from './literal.ts';
import type { SqliteSchema, TableShape } from './schema.ts';

export interface Content {
  /** Rows by table. */
  rows: Record<string, number>;
  /** SHA-256 over schema and rows, hex. The same for a database restored from a dump of it. */
  contentHash: string;
}

export interface ContentReader {
  signal: AbortSignal;
  table?(table: TableShape): void;
  row?(table: TableShape, rowid: bigint | undefined, values: StoredValue[]): void;
  /** Called between batches of rows, before the event loop gets its turn. */
  batch?(rowsSoFar: number): Promise<void>;
}

const BATCH_ROWS = 100;

/**
 * Reads every row of every table, in the order of its key, in the transaction that the connection is in. libsql reads
 * synchronously; between batches the event loop runs, so that heartbeats go out and the signal is heard.
 */
export async function readContent(
  db: Connection,
  schema: SqliteSchema,
  reader: ContentReader,
): Promise<Content> {
  const hash = createHash('sha256');
  hashSchema(hash, schema);
  const rows: Record<string, number> = {};
  let total = 0;
  for (const table of schema.tables) {
    reader.table?.(table);
    hash.update(`\ntable ${JSON.stringify([table.name, table.columns])}\n`);
    let count = 0;
    for (const [rowid, values] of readRows(db, table)) {
      reader.row?.(table, rowid, values);
      hashRow(hash, rowid, values);
      count++;
      total++;
      if (total % BATCH_ROWS === 0) {
        await reader.batch?.(total);
        await nextTurn();
        reader.signal.throwIfAborted();
      }
    }
    rows[table.name] = count;
  }
  await reader.batch?.(total);
  reader.signal.throwIfAborted();
  return { rows, contentHash: hash.digest('hex') };
}

export const FOREIGN_KEY_VIOLATIONS = 'SELECT count(*) AS n FROM pragma_foreign_key_check';

/** How many rows break a foreign key; a faithful copy has as many. */
export function foreignKeyViolations(db: Connection): number {
  const row = db.prepare(FOREIGN_KEY_VIOLATIONS).get();
  return (row as { n: number }).n;
}

function* readRows(db: Connection, table: TableShape): Generator<[bigint | undefined, StoredValue[]]> {
  const columns = table.columns.map(quoteName).flatMap((column, i) => [
    `CASE typeof(${column}) WHEN 'text' THEN 1 WHEN 'real' THEN 2 ELSE 0 END AS t${i}`,
    // As the bytes that are stored: libsql ends the process on text that is not valid UTF-8.
    `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END AS v${i}`,
  ]);
  const rowid = table.rowid === undefined ? 'NULL' : table.rowid;
  const select = `SELECT ${[`${rowid} AS r`, ...columns].join(', ')} FROM main.${quoteName(table.name)}${table.order}`;
  for (const row of iterateRows(db, select)) {
    const values: StoredValue[] = [];
    for (let i = 1; i < row.length; i += 2) values.push(storedValue(row[i] as bigint, row[i + 1]));
    yield [row[0] === null ? undefined : (row[0] as bigint), values];
  }
}

/** Rows of a query, one at a time; a query that is left in the middle is ended. */
export function* iterateRows(db: Connection, select: string): Generator<unknown[]> {
  const rows = db.prepare(select).raw().safeIntegers(true).iterate() as IterableIterator<unknown[]>;
  let ended = false;
  try {
    for (;;) {
      const next = rows.next();
      if (next.done) break;
      yield next.value;
    }
    ended = true;
  } finally {
    if (!ended) endStatement(db, rows);
  }
}

/** A statement left in the middle keeps its lock until it is collected; libsql has no other way to end it. */
function endStatement(db: Connection, rows: IterableIterator<unknown>): void {
  db.interrupt();
  try {
    while (!rows.next().done);
  } catch (error) {
    if ((error as { code?: string }).code !== 'SQLITE_INTERRUPT') throw error;
  }
}

function storedValue(type: bigint, value: unknown): StoredValue {
  if (value === null) return { type: 'null' };
  if (typeof value === 'bigint') return { type: 'integer', value };
  if (typeof value === 'number') return { type: 'real', value };
  const bytes = value as Buffer;
  return type === 1n ? { type: 'text', bytes } : { type: 'blob', bytes };
}

function hashSchema(hash: Hash, schema: SqliteSchema): void {
  const { auto_vacuum, user_version, application_id } = schema.pragmas;
  const objects = schema.objects.map((o) => [o.type, o.name, o.table, o.sql.trimEnd()]);
  objects.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  hash.update(JSON.stringify([schema.encoding, auto_vacuum, user_version, application_id, objects]));
}

function hashRow(hash: Hash, rowid: bigint | undefined, values: StoredValue[]): void {
  let text = `r${rowid ?? ''}`;
  for (const stored of values) {
    switch (stored.type) {
      case 'null':
        text += '|n';
        break;
      case 'integer':
        text += `|i${stored.value}`;
        break;
      case 'real': {
        const bits = Buffer.alloc(8);
        bits.writeDoubleBE(stored.value);
        text += `|f${bits.toString('hex')}`;
        break;
      }
      default:
        hash.update(`${text}|${stored.type}${stored.bytes.length}:`);
        hash.update(stored.bytes);
        text = '';
    }
  }
  hash.update(`${text}\n`);
}
