import { randomBytes } from 'node:crypto';
import type { Session } from './connection.ts';

const PREFIX = 'rollback_scratch_';
const USER_PREFIX = 'rollback_';

export interface DatabaseShape {
  charset: string;
  collation: string;
}

/**
 * Makes a database of a unique name, and drops it after `work`. While it is used the session holds a lock of its name,
 * so that one whose process is gone is known as such from anywhere.
 * @param logged Whether all of it gets into the binary log. Default: nothing, where this user may leave it out.
 * @param work Is told whether what it does need not get into the binary log: this user may leave it out.
 */
export async function withScratch<T>(
  session: Session,
  shape: DatabaseShape,
  work: (name: string, unlogged: boolean) => Promise<T>,
  { logged = false } = {},
): Promise<T> {
  const name = `${PREFIX}${randomBytes(8).toString('hex')}`;
  await session.rows('SELECT GET_LOCK(?, 0)', [name]);
  // Else replicas make the copy too.
  const unlogged =
    !logged &&
    (await session.rows('SET SESSION sql_log_bin = 0').then(
      () => true,
      () => false,
    ));
  await session.rows(createDatabase(name, shape));
  try {
    return await work(name, unlogged);
  } finally {
    // Where the server or the session is gone the next one drops it.
    await session.rows(`DROP DATABASE IF EXISTS ${quoteName(name)}`).catch(() => undefined);
  }
}

/** Drops the scratch databases of processes that are gone: nobody holds their lock. */
export async function dropAbandoned(session: Session): Promise<void> {
  const found = await session.rows<{ name: string; free: number }>(
    `SELECT SCHEMA_NAME AS name, IS_FREE_LOCK(SCHEMA_NAME) AS free FROM information_schema.SCHEMATA
     WHERE SCHEMA_NAME REGEXP '^${PREFIX}[0-9a-f]{16}$'`,
  );
  // Another one may have dropped it meanwhile.
  for (const { name, free } of found)
    if (Number(free) === 1)
      await session.rows(`DROP DATABASE IF EXISTS ${quoteName(name)}`).catch(() => undefined);
  // Who may make users need not be let see them.
  const users = await session
    .rows<{ user: string; host: string }>(
      `SELECT User AS user, Host AS host FROM mysql.user
       WHERE User REGEXP '^${USER_PREFIX}[0-9a-f]{16}$'
         AND IS_FREE_LOCK(CONCAT('${PREFIX}', SUBSTRING(User, ${USER_PREFIX.length + 1}))) = 1`,
    )
    .catch(() => []);
  for (const { user, host } of users) await dropUser(session, `'${user}'@'${host}'`).catch(() => undefined);
}

/** The name of a user for a scratch database: MySQL lets it have 32 characters. */
export function scratchUser(database: string): string {
  return database.replace(PREFIX, USER_PREFIX);
}

/** @param account Quoted, with its host. */
export async function dropUser(session: Session, account: string): Promise<void> {
  await session.rows(`DROP USER IF EXISTS ${account}`);
}

export function createDatabase(name: string, { charset, collation }: DatabaseShape): string {
  return `CREATE DATABASE ${quoteName(name)} CHARACTER SET ${word(charset)} COLLATE ${word(collation)}`;
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** From a manifest, which is a file. */
function word(text: string): string {
  if (/^\w+$/.test(text)) return text;
  throw new Error(`"${text}" is not the name of a character set or collation`);
}
