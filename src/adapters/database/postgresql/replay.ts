import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { RollbackError } from '../../../model/error.ts';
import type { LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import { liveCatalog } from '../../../schema-changes/live-catalog.ts';
import type { ReplayStatement } from '../../../schema-changes/replay.ts';
import { messageOf } from '../backup-folder.ts';
import { eachStatement, replayRefused, thenDropped } from '../replay-errors.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { quoteName, readShape } from './database-shape.ts';
import { readDefinitions } from './definitions.ts';
import type { PostgresqlOptions } from './options.ts';
import { dropAbandoned, dropRole, withScratch } from './scratch.ts';

/**
 * Replays as `Database.replay` promises: a role of its own, without rights on the server or on any other database, logs in
 * to the database that it owns. Nothing that it runs can take another role's rights.
 */
export async function replayPostgresql(
  options: PostgresqlOptions,
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
  deadline: AbortSignal,
): Promise<LiveCatalog> {
  // Past the deadline there is still what was made to drop.
  return withSession(options, { signal, statementTimeoutMs: 0 }, async (session, searchPath) => {
    await dropAbandoned(session);
    await requireRights(session);
    const shape = await readShape(session);
    return withScratch(session, shape, async (scratch) => {
      const password = randomBytes(24).toString('base64url');
      await makeRole(session, scratch, password);
      const replay = async () => {
        await session.rows(`ALTER DATABASE ${quoteName(scratch)} OWNER TO ${quoteName(scratch)}`);
        const as: PostgresqlOptions = {
          ...options,
          address: async () => ({ ...(await options.address()), user: scratch, password }),
        };
        return replayAs(as, scratch, searchPath, statements, deadline);
      };
      return thenDropped(replay, `the role ${quoteName(scratch)}`, () => dropRole(session, scratch));
    });
  });
}

async function requireRights(session: Session): Promise<void> {
  const [role] =
    (await session.rows(`SELECT rolsuper AS super, rolcreatedb AS databases, rolcreaterole AS roles
    FROM pg_roles WHERE rolname = current_user`)) as [{ super: boolean; databases: boolean; roles: boolean }];
  if (role.super || (role.databases && role.roles)) return;
  const words = [...(role.databases ? [] : ['CREATEDB']), ...(role.roles ? [] : ['CREATEROLE'])];
  throw replayRefused(
    `They are replayed in a database of their own, as a role of its own; "${session.user}" may not make them.`,
    `Let it: ALTER ROLE "${session.user}" ${words.join(' ')}`,
  );
}

/** The role has the name of its database. */
async function makeRole(session: Session, name: string, password: string): Promise<void> {
  const role = quoteName(name);
  await session.rows(`CREATE ROLE ${role} LOGIN PASSWORD '${verifier(password)}' NOSUPERUSER NOCREATEDB NOCREATEROLE
    NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 2`);
  // Only a member may give a database to it; a superuser need not be one.
  await session.rows(`DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      EXECUTE format('GRANT %I TO %I', '${name}', current_user);
    END IF; END $$`);
}

/** What the server keeps of a password, so that the password itself is in no statement and no log. RFC 5802, 7677. */
function verifier(password: string): string {
  const salt = randomBytes(16);
  const iterations = 4096;
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const keyed = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${keyed('Server Key').toString('base64')}`;
}

async function replayAs(
  options: PostgresqlOptions,
  database: string,
  searchPath: string,
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
): Promise<LiveCatalog> {
  const where = { signal, database, statementTimeoutMs: 0 };
  try {
    await withSession(options, where, async (session) => {
      await session.rows('RESET ALL');
      // The migrations were applied with this path.
      await session.rows(`SELECT set_config('search_path', $1, false)`, [searchPath]);
      await session.rows(`SET client_connection_check_interval = 2000`).catch(() => undefined);
      await eachStatement(statements, signal, (text) => session.rows(text));
    });
    // What a migration left open, or set, ends with its session.
    return await withSession(options, where, async (session) =>
      liveCatalog('postgresql', await readDefinitions(session)),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RollbackError) || !/^DATABASE_/.test(error.code)) throw error;
    throw replayRefused(
      `The role that they are replayed as can't log in: ${messageOf(error.cause ?? error)}.`,
      'Let roles of the name rollback_scratch_* log in with a password (scram-sha-256) to databases of that name in pg_hba.conf.',
      error,
    );
  }
}
