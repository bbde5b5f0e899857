import { RollbackError } from '../../../model/error.ts';
import type { LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import { liveCatalog } from '../../../schema-changes/live-catalog.ts';
import { messageOf } from '../backup-folder.ts';
import { withSession } from './connection.ts';
import { readDefinitions } from './definitions.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import type { DatabaseShape } from './scratch.ts';
import { dropAbandoned, withScratch } from './scratch.ts';

/** Reads a catalog as `Database.catalog` promises. */
export async function mysqlCatalog(
  options: MysqlOptions,
  signal: AbortSignal,
  database: string | undefined,
): Promise<LiveCatalog> {
  const where = { signal, ...(database === undefined ? {} : { database }) };
  return withSession(options, where, async (session) => {
    try {
      return await liveCatalog('mysql', await readDefinitions(session));
    } catch (error) {
      if (error instanceof RollbackError || signal.aborted) throw error;
      throw new RollbackError({
        code: 'DATABASE_UNREADABLE',
        summary: `The schema of ${nameOf(options)} can't be read`,
        detail: `As ${session.user}: ${messageOf(error)}.`,
        fix: 'Give the user SELECT, SHOW VIEW, TRIGGER and EXECUTE on the database, then run the command again.',
        cause: error,
      });
    }
  });
}

/** Makes an empty database as `Database.withEmpty` promises. */
export async function withEmptyMysql<T>(
  options: MysqlOptions,
  signal: AbortSignal,
  work: (place: string) => Promise<T>,
): Promise<T> {
  return withSession(options, { signal }, async (session) => {
    await dropAbandoned(session);
    const [shape] = (await session.rows<DatabaseShape>(
      'SELECT @@character_set_database AS charset, @@collation_database AS collation',
    )) as [DatabaseShape];
    return withScratch(session, shape, work);
  });
}
