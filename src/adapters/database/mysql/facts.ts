import { RollbackError } from '../../../model/error.ts';
import type { DatabaseFacts } from '../../../model/facts.ts';
import type { HistoryRow } from '../../../model/migration-history.ts';
import { messageOf } from '../backup-folder.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { quoteName } from './scratch.ts';

/** Longest time of a statement that looks, s. */
const LOOK_S = 5;

/** Reads as `Database.facts` promises, within a statement timeout. */
export async function mysqlFacts(options: MysqlOptions, signal: AbortSignal): Promise<DatabaseFacts> {
  const name = nameOf(options);
  return withSession(options, { signal }, async (session) => {
    const { history } = options;
    const { table, column, schema } = history;
    try {
      await session.rows(
        session.family === 'mariadb'
          ? `SET SESSION max_statement_time = ${LOOK_S}, lock_wait_timeout = ${LOOK_S}`
          : `SET SESSION max_execution_time = ${LOOK_S * 1000}, lock_wait_timeout = ${LOOK_S}`,
      );
      const [size] = (await session.rows(
        `SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS bytes FROM information_schema.TABLES
         WHERE TABLE_SCHEMA = DATABASE()`,
      )) as [{ bytes: string }];
      const applied = await appliedVersions(session, { schema: schema?.mysql, table, column });
      const query = applied && history.query?.('mysql');
      return {
        name,
        engine: 'mysql',
        version: session.version,
        applied,
        ...(query ? { historyRows: await session.rows<HistoryRow>(query) } : {}),
        sizeBytes: Number(size.bytes),
        backupBlocksWritersMs: 0,
      };
    } catch (error) {
      if (error instanceof RollbackError || signal.aborted) throw error;
      throw new RollbackError({
        code: 'DATABASE_UNREADABLE',
        summary: `The migration history of ${name} can't be read`,
        detail: `Reading ${column} of table ${table} as "${session.user}": ${messageOf(error)}.`,
        fix: `Give the user the right, GRANT SELECT ON ${table}, or set database.migrations.format in rollback.yaml to the tool that migrates this database.`,
        cause: error,
      });
    }
  });
}

async function appliedVersions(
  session: Session,
  { schema, table, column }: { schema: string | undefined; table: string; column: string },
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
