import { join } from 'node:path';
import type { Definition, LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import { liveCatalog } from '../../../schema-changes/live-catalog.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { openForReading, untilFree } from './connection.ts';
import { quoteName, quoteText } from './literal.ts';
import type { SqliteOptions } from './options.ts';
import type { SchemaObject } from './schema.ts';
import { readSchema } from './schema.ts';

/** Reads a catalog as `Database.catalog` promises. */
export async function sqliteCatalog(
  options: SqliteOptions,
  name: string,
  signal: AbortSignal,
  path: string | undefined,
): Promise<LiveCatalog> {
  const db = await openForReading(path ?? options.path, path ?? name, signal);
  try {
    const definitions = await untilFree(name, signal, () => {
      const columnsOf = (view: string) =>
        (
          db
            .prepare(`SELECT CAST(name AS BLOB) FROM pragma_table_info(${quoteText(view)}) ORDER BY cid`)
            .raw()
            .all() as [Buffer][]
        ).map(([column]) => column.toString('utf8'));
      return readSchema(db).objects.map((object) => definitionOf(object, columnsOf));
    });
    const order = ['table', 'index', 'view', 'trigger'];
    definitions.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
    return await liveCatalog('sqlite', definitions);
  } finally {
    db.close();
  }
}

function definitionOf(
  { type, name, table, sql }: SchemaObject,
  columnsOf: (view: string) => string[],
): Definition {
  if (type === 'trigger') {
    const operation = { op: 'create-trigger', name, table } as const;
    return { kind: type, name: `${name} on ${table}`, sql, operation };
  }
  if (type !== 'view') return { kind: type, name: type === 'index' ? `${name} on ${table}` : name, sql };
  // With its columns named, so that they are known whatever its query is.
  const query = sql.replace(/^[\s\S]*?\bAS\b/i, '');
  const columns = columnsOf(name).map(quoteName).join(', ');
  return { kind: type, name, sql: `CREATE VIEW ${quoteName(name)} (${columns}) AS ${query}` };
}

/** Names an empty file of its own as `Database.withEmpty` promises. */
export async function withEmptySqlite<T>(work: (place: string) => Promise<T>): Promise<T> {
  return withTemporaryFolder((folder) => work(join(folder, 'scratch.db')));
}
