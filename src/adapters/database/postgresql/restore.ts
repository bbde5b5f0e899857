import { createReadStream } from 'node:fs';
import { RollbackError } from '../../../model/error.ts';
import { asRestoreFailed, restoreFailed } from '../backup-folder.ts';
import type { Backup } from '../database.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { alterSettings, quoteName } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';
import { findTools, runOnServer } from './tools.ts';
import { requireWhole } from './verify.ts';

/**
 * Restores into a new database as `Database.restore` promises, with owners, privileges and the settings of the database.
 * It gets its name once it is whole.
 */
export async function restorePostgresql(
  options: PostgresqlOptions,
  backup: Backup,
  into: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { own } = (await requireWhole(backup, signal)).manifest;
    await onServer(options, signal, async (session) => {
      const taken = await session.rows('SELECT FROM pg_database WHERE datname = $1', [into]);
      if (taken.length > 0) {
        const fix = 'Name a new database, and point the application to it yourself.';
        throw restoreFailed(backup, into, 'There is a database of that name already.', fix);
      }
      const tools = await findTools(session.major);
      await dropAbandoned(session);
      await withScratch(session, own.shape, async (scratch) => {
        const args = [`--dbname=${scratch}`, '--exit-on-error', '--no-password'];
        const input = createReadStream(backup.path, { highWaterMark: 1 << 20 });
        await runOnServer(options, { path: tools.restore, args }, { signal, input, database: scratch });
        for (const sql of alterSettings(scratch, own.shape.settings)) await session.rows(sql);
        await session.rows(`ALTER DATABASE ${quoteName(scratch)} RENAME TO ${quoteName(into)}`);
      });
    });
  } catch (error) {
    signal.throwIfAborted();
    throw asRestoreFailed(
      error,
      backup,
      into,
      'Restore as a role that may act as the owners of all objects, e.g. a superuser.',
    );
  }
}

/** The database that was backed up may be the one that is gone. */
async function onServer(
  options: PostgresqlOptions,
  signal: AbortSignal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const session = { signal, statementTimeoutMs: 0 };
  try {
    await withSession(options, session, work);
  } catch (error) {
    if (!(error instanceof RollbackError && error.code === 'DATABASE_MISSING')) throw error;
    await withSession(options, { ...session, database: 'postgres' }, work);
  }
}
