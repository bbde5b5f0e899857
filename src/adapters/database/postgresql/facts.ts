import type { DatabaseFacts } from '../../../model/facts.ts';
import { type HistoryPlace, serverFacts } from '../server-facts.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { quoteName } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { nameOf } from './options.ts';

/** Longest time of a statement that looks, ms. */
const LOOK_MS = 5000;

/** Reads as `Database.facts` promises: within a statement timeout, with locks that stop nobody but a DROP. */
export async function postgresqlFacts(
  options: PostgresqlOptions,
  signal: AbortSignal,
): Promise<DatabaseFacts> {
  return withSession(options, { signal, statementTimeoutMs: LOOK_MS }, async (session, searchPath) =>
    serverFacts(
      { name: nameOf(options), history: options.history, session, signal },
      {
        engine: 'postgresql',
        async size() {
          const [found] = await session.rows<{ bytes: string }>(
            'SELECT pg_database_size(current_database()) AS bytes',
          );
          return Number(found?.bytes);
        },
        applied: (place) => appliedVersions(session, searchPath, place),
        grant: (table) => `GRANT SELECT ON ${table} TO "${session.user}"`,
      },
    ),
  );
}

async function appliedVersions(
  session: Session,
  searchPath: string,
  { schema, table, column }: HistoryPlace,
): Promise<string[] | undefined> {
  // The tool found its table by this path too.
  await session.rows(`SELECT set_config('search_path', $1, false)`, [searchPath]);
  const name = [schema, table].filter((part) => part !== undefined).map(quoteName);
  const [found] = await session.rows<{ name: string | null }>('SELECT to_regclass($1)::text AS name', [
    name.join('.'),
  ]);
  if (!found?.name) return undefined;
  const rows = await session.rows<{ version: string }>(
    `SELECT ${quoteName(column)}::text AS version FROM ${found.name} ORDER BY ${quoteName(column)}`,
  );
  return rows.map((row) => row.version);
}
