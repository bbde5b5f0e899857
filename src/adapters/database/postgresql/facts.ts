import { RollbackError } from '../../../model/error.ts';
import type { DatabaseFacts } from '../../../model/facts.ts';
import type { HistoryRow } from '../../../model/migration-history.ts';
import { messageOf } from '../backup-folder.ts';
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
  const name = nameOf(options);
  return withSession(options, { signal, statementTimeoutMs: LOOK_MS }, async (session, searchPath) => {
    const { history } = options;
    const { column } = history;
    const table = [history.schema?.postgresql, history.table].filter((part) => part !== undefined).join('.');
    try {
      const [{ bytes }] = (await session.rows('SELECT pg_database_size(current_database()) AS bytes')) as [
        { bytes: string },
      ];
      const applied = await appliedVersions(session, searchPath, table, column);
      const query = applied && history.query?.('postgresql');
      return {
        name,
        engine: 'postgresql',
        version: session.version,
        applied,
        ...(query ? { historyRows: await session.rows<HistoryRow>(query) } : {}),
        sizeBytes: Number(bytes),
        backupBlocksWritersMs: 0,
      };
    } catch (error) {
      if (error instanceof RollbackError || signal.aborted) throw error;
      throw new RollbackError({
        code: 'DATABASE_UNREADABLE',
        summary: `The migration history of ${name} can't be read`,
        detail: `Reading ${column} of table ${table} as "${session.user}": ${messageOf(error)}.`,
        fix: `Give the user the right, GRANT SELECT ON ${table} TO "${session.user}", or set database.migrations.format in rollback.yaml to the tool that migrates this database.`,
        cause: error,
      });
    }
  });
}

async function appliedVersions(
  session: Session,
  searchPath: string,
  table: string,
  column: string,
): Promise<string[] | undefined> {
  // The tool found its table by this path too.
  await session.rows(`SELECT set_config('search_path', $1, false)`, [searchPath]);
  const [found] = (await session.rows('SELECT to_regclass($1)::text AS name', [
    table.split('.').map(quoteName).join('.'),
  ])) as [{ name: string | null }];
  if (found.name === null) return undefined;
  const rows = await session.rows<{ version: string }>(
    `SELECT ${quoteName(column)}::text AS version FROM ${found.name} ORDER BY ${quoteName(column)}`,
  );
  return rows.map((row) => row.version);
}
