import type { DatabaseFacts } from '../../../model/facts.ts';
import { type HistoryPlace, serverFacts } from '../server-facts.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { quoteName } from './scratch.ts';

/** Longest time of a statement that looks, s. */
const LOOK_S = 5;

/** Reads as `Database.facts` promises, within a statement timeout. */
export async function mysqlFacts(options: MysqlOptions, signal: AbortSignal): Promise<DatabaseFacts> {
  return withSession(options, { signal }, async (session) =>
    serverFacts(
      { name: nameOf(options), history: options.history, session, signal },
      {
        engine: 'mysql',
        size: () => sizeWithin(session),
        applied: (place) => appliedVersions(session, place),
        grant: (table) => `GRANT SELECT ON ${table}`,
      },
    ),
  );
}

/** The size; limits what the session's statements may take from here on. */
async function sizeWithin(session: Session): Promise<number> {
  await session.rows(
    session.family === 'mariadb'
      ? `SET SESSION max_statement_time = ${LOOK_S}, lock_wait_timeout = ${LOOK_S}`
      : `SET SESSION max_execution_time = ${LOOK_S * 1000}, lock_wait_timeout = ${LOOK_S}`,
  );
  const [found] = await session.rows<{ bytes: string }>(
    `SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS bytes FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE()`,
  );
  return Number(found?.bytes);
}

async function appliedVersions(
  session: Session,
  { schema, table, column }: HistoryPlace,
): Promise<string[] | undefined> {
  const found = await session.rows(
    'SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?',
    [schema ?? null, table],
  );
  if (found.length === 0) return undefined;
  const from = schema === undefined ? quoteName(table) : `${quoteName(schema)}.${quoteName(table)}`;
  const rows = await session.rows<{ version: string }>(
    `SELECT CAST(${quoteName(column)} AS CHAR) AS version FROM ${from} ORDER BY ${quoteName(column)}`,
  );
  return rows.map((row) => row.version);
}
