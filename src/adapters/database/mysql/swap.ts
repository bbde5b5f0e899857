import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, RollbackError } from '../../../model/error.ts';
import { messageOf } from '../backup-folder.ts';
import type { Backup, Swap, SwapPlaces } from '../database.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { readDefinitions } from './definitions.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { restoreMysql, UNFINISHED } from './restore.ts';
import { quoteName } from './scratch.ts';

/** So long others may wait for a try to get the locks of all tables, s. */
const LOCK_S = 1;
const TRIES = 60;

/**
 * A database has one name here, so its tables are moved: all of them at once, in one RENAME TABLE. What can't be moved
 * (views, routines, events) stays where it is, and must be what the backup has.
 */
export function mysqlSwap(options: MysqlOptions): Swap {
  const aside = <T>(signal: AbortSignal, work: (session: Session) => Promise<T>) =>
    withSession(options, { signal, database: null }, work);
  const own = async () => (await options.address()).database ?? '';
  return {
    ownName: own,
    async places(id) {
      // A name has at most 64 characters; what distinguishes it must not be cut off.
      const name = [...(await own())].slice(0, 30).join('');
      return { restored: `${name}_restored_${id}`, kept: `${name}_replaced_${id}` };
    },
    obstacles: (signal) => aside(signal, (session) => obstaclesOf(session)),
    async restore(backup, places, signal) {
      await restoreMysql(options, backup, places.restored, signal, { plain: true });
      const others = await differences(options, places, signal);
      if (others.length === 0) return;
      await aside(signal, (session) => session.rows(`DROP DATABASE ${quoteName(places.restored)}`));
      throw byHand(options, backup, others);
    },
    state: ({ restored, kept }, signal) =>
      aside(signal, async (session) => {
        const copied = await tablesOf(session, restored);
        if (copied.length > 0) return copied.includes(UNFINISHED) ? 'none' : 'restored';
        const there = await session.rows('SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?', [
          kept,
        ]);
        return there.length > 0 ? 'swapped' : 'none';
      }),
    swap: async (places, signal) => {
      const database = await own();
      await aside(signal, (session) => swapTables(options, session, database, places, signal));
    },
    tidy: ({ restored }, signal) =>
      aside(signal, async (session) => {
        // Views and routines alone: they are in the database, too.
        if ((await tablesOf(session, restored)).length === 0)
          await session.rows(`DROP DATABASE IF EXISTS ${quoteName(restored)}`);
      }),
  };
}

/** Tables and sequences. */
async function tablesOf(session: Session, database: string): Promise<string[]> {
  const rows = await session.rows<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE NOT LIKE '%VIEW'
     ORDER BY TABLE_NAME`,
    [database],
  );
  return rows.map(({ name }) => name);
}

async function obstaclesOf(session: Session): Promise<string[]> {
  const { database, family, version } = session;
  const triggers = await session.rows<{ name: string }>(
    'SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY 1',
    [database],
  );
  const keys = await session.rows<{ name: string }>(
    `SELECT DISTINCT CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) AS name FROM information_schema.KEY_COLUMN_USAGE
     WHERE REFERENCED_TABLE_SCHEMA = ? AND TABLE_SCHEMA <> ? ORDER BY 1`,
    [database, database],
  );
  const names = (rows: { name: string }[]) => rows.map(({ name }) => name).join(', ');
  return [
    ...(isAtomic(family, version) ? [] : [`${version} does not move several tables in one step.`]),
    ...(triggers.length > 0 ? [`A table with triggers can not be moved: ${names(triggers)}.`] : []),
    ...(keys.length > 0 ? [`Foreign keys of other databases would follow its tables: ${names(keys)}.`] : []),
  ];
}

/** MariaDB 10.6, MySQL 8: also where the server crashes meanwhile. */
function isAtomic(family: Session['family'], version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return family === 'mariadb' ? major > 10 || (major === 10 && minor >= 6) : major >= 8;
}

/** What stays where it is, and is another in the backup, in sentences. */
async function differences(
  options: MysqlOptions,
  { restored }: SwapPlaces,
  signal: AbortSignal,
): Promise<string[]> {
  const read = (database: string | undefined) =>
    withSession(options, { signal, ...(database === undefined ? {} : { database }) }, async (session) => {
      const [shape] = await session.rows<{ is: string }>('SELECT @@collation_database AS `is`');
      const all = (await readDefinitions(session)).filter(({ kind }) => MOVED.every((one) => one !== kind));
      return new Map([
        ['default collation', shape?.is ?? ''],
        ...all.map(({ kind, name, sql }) => [`${kind} ${name}`, sql] as const),
      ]);
    });
  const [now, then] = [await read(undefined), await read(restored)];
  return [...new Set([...now.keys(), ...then.keys()])].flatMap((name) => {
    if (now.get(name) === then.get(name)) return [];
    if (!then.has(name)) return [`${name} is not in the backup.`];
    return [now.has(name) ? `${name} is another in the backup.` : `${name} is in the backup alone.`];
  });
}

const MOVED = ['table', 'column', 'sequence'];

async function swapTables(
  options: MysqlOptions,
  session: Session,
  own: string,
  { restored, kept }: SwapPlaces,
  signal: AbortSignal,
): Promise<void> {
  await session.rows(`SET SESSION lock_wait_timeout = ${LOCK_S}`);
  try {
    await alone(session, own);
    await session.rows(`CREATE DATABASE IF NOT EXISTS ${quoteName(kept)}`);
    for (let tries = 1; ; tries++) {
      const move = (tables: string[], from: string, to: string) =>
        tables.map((table) => `${name(from, table)} TO ${name(to, table)}`);
      const copied = await tablesOf(session, restored);
      // The session of a process that was killed came to it.
      if (copied.length === 0) return;
      const moves = [...move(await tablesOf(session, own), own, kept), ...move(copied, restored, own)];
      try {
        await session.rows(`RENAME TABLE ${moves.join(', ')}`);
        return;
      } catch (error) {
        const code = (error as { code?: string }).code ?? '';
        if (!/^ER_LOCK_(?:WAIT_TIMEOUT|DEADLOCK)$/.test(code) || tries >= TRIES) throw error;
        // Whoever waited behind it goes on.
        await sleep(Math.min(50 * tries, 500), undefined, { signal });
      }
    }
  } catch (error) {
    signal.throwIfAborted();
    const locked = (error as { code?: string }).code === 'ER_LOCK_WAIT_TIMEOUT';
    throw new RollbackError({
      code: locked ? 'DATABASE_IN_USE' : 'RESTORE_FAILED',
      summary: `${nameOf(options)} can't be replaced`,
      detail: locked
        ? 'Transactions hold its tables, again and again.'
        : `As "${session.user}": ${messageOf(error).replace(/\.$/, '')}.`,
      fix: locked
        ? 'End what holds them (SHOW PROCESSLIST), then run the command again.'
        : 'Run it as a user with ALL on the database and on those beside it, NAME\\_%.*',
      cause: error,
    });
  }
}

/** A process may be gone, and its statement still wait for a lock. */
async function alone(session: Session, own: string): Promise<void> {
  const [row] = await session.rows<{ held: number | string | null }>(
    `SELECT GET_LOCK(CONCAT('rollback_swap_', MD5(?)), ${2 * LOCK_S}) AS held`,
    [own],
  );
  if (Number(row?.held) !== 1) throw new Error('Another session is replacing it');
}

function name(database: string, table: string): string {
  return `${quoteName(database)}.${quoteName(table)}`;
}

function byHand(options: MysqlOptions, { name: backup }: Backup, others: string[]): RollbackError {
  return new RollbackError({
    code: 'RESTORE_BY_HAND',
    summary: `${backup} can't be put in the place of ${nameOf(options)}`,
    detail: `Tables are moved in one step; the rest stays, and is not what the backup has: ${others.join(' ')}`,
    fix: 'Make them what they were, or restore into a new database as docs/backups.md says under "Restoring by hand".',
    exit: EXIT.refused,
  });
}
