import { RollbackError } from '../../../model/error.ts';
import type { LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import { liveCatalog } from '../../../schema-changes/live-catalog.ts';
import { messageOf } from '../backup-folder.ts';
import { withSession } from './connection.ts';
import { readShape } from './database-shape.ts';
import { readDefinitions } from './definitions.ts';
import type { PostgresqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';

/** Longest time of the statement that reads the catalog, ms. */
const READ_MS = 30_000;

/** Reads a catalog as `Database.catalog` promises. */
export async function postgresqlCatalog(
  options: PostgresqlOptions,
  signal: AbortSignal,
  database: string | undefined,
): Promise<LiveCatalog> {
  const session = { signal, statementTimeoutMs: READ_MS, ...(database === undefined ? {} : { database }) };
  return withSession(options, session, async (each) => {
    try {
      return await liveCatalog('postgresql', await readDefinitions(each));
    } catch (error) {
      if (error instanceof RollbackError || signal.aborted) throw error;
      throw new RollbackError({
        code: 'DATABASE_UNREADABLE',
        summary: `The schema of ${nameOf(options)} can't be read`,
        detail: `As "${each.user}": ${messageOf(error)}.`,
        fix: 'Correct the cause, then run the command again.',
        cause: error,
      });
    }
  });
}

/** Makes an empty database as `Database.withEmpty` promises. */
export async function withEmptyPostgresql<T>(
  options: PostgresqlOptions,
  signal: AbortSignal,
  work: (place: string) => Promise<T>,
): Promise<T> {
  return withSession(options, { signal, statementTimeoutMs: 0 }, async (session) => {
    await dropAbandoned(session);
    return withScratch(session, await readShape(session), work);
  });
}
