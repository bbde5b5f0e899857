import { randomBytes } from 'node:crypto';
import type { Session } from './connection.ts';
import type { DatabaseShape } from './database-shape.ts';
import { createDatabase, quoteName } from './database-shape.ts';

const PREFIX = 'rollback_scratch_';

/**
 * Makes a database of a unique name, and drops it after `work` unless `work` renamed it. While it is used the session
 * holds an advisory lock of its name, so that one whose process is gone is known as such from anywhere.
 */
export async function withScratch<T>(
  session: Session,
  shape: DatabaseShape,
  work: (name: string) => Promise<T>,
): Promise<T> {
  const name = `${PREFIX}${randomBytes(8).toString('hex')}`;
  await session.rows('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
  await session.rows(createDatabase(name, shape));
  try {
    return await work(name);
  } finally {
    // Where the server or the session is gone the next one drops it.
    await drop(session, name).catch(() => undefined);
  }
}

/** Drops the scratch databases of processes that are gone: nobody holds their lock, whichever database it was taken in. */
export async function dropAbandoned(session: Session): Promise<void> {
  const found = await session.rows<{ name: string }>(`
    SELECT datname AS name FROM pg_database d
    WHERE datname ~ '^${PREFIX}[0-9a-f]{16}$' AND pg_has_role(datdba, 'MEMBER') AND NOT EXISTS (
      SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(d.datname, 0))`);
  // Another one may have dropped it meanwhile.
  for (const { name } of found) await drop(session, name).catch(() => undefined);
  const roles = await session.rows<{ name: string }>(`
    SELECT rolname AS name FROM pg_roles r
    WHERE rolname ~ '^${PREFIX}[0-9a-f]{16}$' AND NOT EXISTS (
      SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1
        AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(r.rolname, 0))`);
  // Where this role made none of them it may not drop them either.
  for (const { name } of roles) await dropRole(session, name).catch(() => undefined);
}

/** Drops a role that has the name of the scratch database that it owns, and that database before. */
export async function dropRole(session: Session, name: string): Promise<void> {
  await drop(session, name);
  await session.rows(`DROP ROLE IF EXISTS ${quoteName(name)}`);
}

async function drop(session: Session, name: string): Promise<void> {
  await session.rows(`DROP DATABASE IF EXISTS ${quoteName(name)} WITH (FORCE)`);
}
