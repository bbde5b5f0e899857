import type { Connection } from './connection.ts';
import type { Content } from './content.ts';
import { foreignKeyViolations, readContent } from './content.ts';
import type { StoredValue } from './literal.ts';
import { literal, quoteName, quoteText } from './literal.ts';
import { ended } from './restore.ts';
import type { SchemaObject, SqliteSchema, TableShape } from './schema.ts';
import { readSchema } from './schema.ts';

/** First line of a dump. */
export interface DumpHeader {
  format: 1;
  database: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** undefined where it belongs to no run. */
  run: string | undefined;
}

/** Last line but one of a dump: what was counted in its snapshot. */
export interface DumpSummary extends Content {
  /** Rows that break a foreign key, in the source as in a faithful copy. */
  foreignKeyViolations: number;
  tookMs: number;
}

export interface DumpOutput {
  signal: AbortSignal;
  /** Takes text; called without waiting. */
  write(text: string): void;
  /** Waits until what was written is where it belongs. */
  flush(rowsSoFar: number): Promise<void>;
}

export const HEADER_START = '-- backup: ';
export const SUMMARY_START = '-- summary: ';

/** The last line of every finished dump. */
export function completionLine(content: Content): string {
  return `-- dump complete: ${totalRows(content.rows)} rows, sha256 ${content.contentHash}`;
}

export function totalRows(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, n) => sum + n, 0);
}

/**
 * Writes the database as SQL that the sqlite3 shell reads too. Everything is read in the transaction that the
 * connection is in, which is ended whatever happens, since outside WAL mode it makes writers wait.
 */
export async function writeDump(
  db: Connection,
  header: DumpHeader,
  output: DumpOutput,
): Promise<DumpSummary> {
  const started = performance.now();
  try {
    const schema = readSchema(db);
    writeStart(schema, header, output);
    for (const object of schema.objects)
      if (object.type === 'table' && !object.virtual) define(object, output);
    const content = await writeRows(db, schema, output);
    writeEnd(schema, output);
    const summary: DumpSummary = {
      ...content,
      foreignKeyViolations: foreignKeyViolations(db),
      tookMs: Math.round(performance.now() - started),
    };
    output.write(`${SUMMARY_START}${JSON.stringify(summary)}\n${completionLine(summary)}\n`);
    await output.flush(totalRows(summary.rows));
    return summary;
  } finally {
    db.exec('ROLLBACK');
  }
}

function writeStart(schema: SqliteSchema, header: DumpHeader, output: DumpOutput): void {
  const { page_size, auto_vacuum } = schema.pragmas;
  output.write(`${HEADER_START}${JSON.stringify(header)}\n`);
  output.write('-- restore: sqlite3 new.db < this file; the last line must say "dump complete"\n');
  output.write('PRAGMA foreign_keys=OFF;\n');
  output.write('PRAGMA ignore_check_constraints=ON;\n');
  output.write(`PRAGMA encoding='${schema.encoding}';\n`);
  output.write(`PRAGMA page_size=${page_size};\nPRAGMA auto_vacuum=${auto_vacuum};\n`);
  output.write('BEGIN TRANSACTION;\n');
  if (schema.tables.some((table) => table.name === 'sqlite_sequence')) {
    // Only an AUTOINCREMENT table makes it, and the one that did may be gone.
    const name = freeName(schema, 'rollback_sequence');
    output.write(`CREATE TABLE ${name} (i INTEGER PRIMARY KEY AUTOINCREMENT);\nDROP TABLE ${name};\n`);
  }
}

function freeName(schema: SqliteSchema, wanted: string): string {
  const taken = schema.objects.some((object) => object.name.toLowerCase() === wanted);
  return taken ? freeName(schema, `${wanted}_`) : wanted;
}

async function writeRows(db: Connection, schema: SqliteSchema, output: DumpOutput): Promise<Content> {
  let insert = '';
  return readContent(db, schema, {
    signal: output.signal,
    table(table) {
      // ANALYZE makes it.
      if (table.name === 'sqlite_stat1') output.write('ANALYZE sqlite_schema;\n');
      if (table.name.startsWith('sqlite_')) output.write(`DELETE FROM ${table.name};\n`);
      insert = insertInto(table);
    },
    row(_, rowid, values) {
      output.write(`${insert}${rowLiterals(rowid, values, schema)});\n`);
    },
    batch: (rows) => output.flush(rows),
  });
}

/** Indexes, views and triggers come after the rows: no trigger may fire, and an index is built faster at once. */
function writeEnd(schema: SqliteSchema, output: DumpOutput): void {
  for (const type of ['index', 'view', 'trigger'] as const) {
    for (const object of schema.objects) if (object.type === type) define(object, output);
  }
  const virtual = schema.objects.filter((object) => object.virtual);
  if (virtual.length > 0) {
    // Its shadow tables are already there with their rows, so that the module must not make them anew.
    output.write('PRAGMA writable_schema=ON;\n');
    for (const { name, table, sql } of virtual) {
      output.write('INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql) VALUES(');
      output.write(`'table',${quoteText(name)},${quoteText(table)},0,${quoteText(sql)});\n`);
    }
    output.write('PRAGMA writable_schema=OFF;\n');
  }
  const { user_version, application_id } = schema.pragmas;
  output.write(`PRAGMA user_version=${user_version};\nPRAGMA application_id=${application_id};\nCOMMIT;\n`);
  if (schema.journalMode === 'wal') output.write('PRAGMA journal_mode=WAL;\n');
}

function define(object: SchemaObject, output: DumpOutput): void {
  output.write(`${ended(object.sql)}\n`);
}

function insertInto(table: TableShape): string {
  const columns = table.columns.map(quoteName);
  const named = table.rowid === undefined ? columns : [table.rowid, ...columns];
  // SQLite's own tables have rowids that nobody refers to.
  const names = table.rowid !== undefined || table.generated ? `(${named.join(',')})` : '';
  return `INSERT INTO ${quoteName(table.name)}${names} VALUES(`;
}

function rowLiterals(rowid: bigint | undefined, values: StoredValue[], schema: SqliteSchema): string {
  const literals = values.map((value) => literal(value, schema.encoding));
  return (rowid === undefined ? literals : [rowid.toString(), ...literals]).join(',');
}
