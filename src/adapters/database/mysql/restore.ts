import { asRestoreFailed, messageOf, restoreFailed } from '../backup-folder.ts';
import type { Backup } from '../database.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import type { MysqlOptions } from './options.ts';
import { createDatabase, quoteName } from './scratch.ts';
import { findTools } from './tools.ts';
import { requireWhole, restoreInto } from './verify.ts';

/** A database can't be renamed, so one that holds this table is not whole. */
export const UNFINISHED = 'rollback_restore_unfinished';

/**
 * Restores into a new database as `Database.restore` promises, with definers and events.
 * @param plain Without them, for a copy whose tables are moved elsewhere. Default false.
 */
export async function restoreMysql(
  options: MysqlOptions,
  backup: Backup,
  into: string,
  signal: AbortSignal,
  { plain = false } = {},
): Promise<void> {
  let left = '';
  try {
    const { own } = (await requireWhole(backup, signal)).manifest;
    await withSession(options, { signal, database: null }, async (session) => {
      const tools = await findTools(session);
      await makePlace(session, backup, into, createDatabase(into, own));
      const place = quoteName(into);
      try {
        await session.rows(`CREATE TABLE ${place}.${UNFINISHED} (x INT)`);
        await restoreInto({ options, backup, tools, signal, database: into, proof: plain, unlogged: false });
        await session.rows(`DROP TABLE ${place}.${UNFINISHED}`);
      } catch (error) {
        left = await session.rows(`DROP DATABASE IF EXISTS ${place}`).then(
          () => '',
          (second) =>
            ` What was made of ${into} is still there, since it can't be dropped: ${messageOf(second)}. The next restore into it drops it.`,
        );
        throw error;
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    const failed = asRestoreFailed(
      error,
      backup,
      into,
      'Restore as a user who may act as the definers of views, triggers and routines, e.g. root.',
    );
    throw left === ''
      ? failed
      : restoreFailed(backup, into, `${failed.detail}${left}`, `${failed.fix}`, error);
  }
}

/** Drops what an earlier restore that was killed left; refuses what is anything else. */
async function makePlace(session: Session, backup: Backup, into: string, create: string): Promise<void> {
  const lock = (await session.rows('SELECT GET_LOCK(CONCAT(?, MD5(?)), 0) AS held', [
    'rollback_restore_',
    into,
  ])) as [{ held: number | string | null }];
  const [found] = (await session.rows(
    `SELECT COUNT(*) AS there, COUNT(t.TABLE_NAME) AS unfinished FROM information_schema.SCHEMATA s
     LEFT JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = s.SCHEMA_NAME AND t.TABLE_NAME = '${UNFINISHED}'
     WHERE s.SCHEMA_NAME = ?`,
    [into],
  )) as [{ there: string; unfinished: string }];
  const leftover = Number(found.unfinished) > 0 && Number(lock[0].held) === 1;
  if (Number(found.there) > 0 && !leftover) {
    const fix = 'Name a new database, and point the application to it yourself.';
    throw restoreFailed(backup, into, 'There is a database of that name already.', fix);
  }
  if (leftover) await session.rows(`DROP DATABASE ${quoteName(into)}`);
  await session.rows(create);
}
