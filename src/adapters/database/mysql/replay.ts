import { createHash, randomBytes } from 'node:crypto';
import { RollbackError } from '../../../model/error.ts';
import type { LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import { liveCatalog } from '../../../schema-changes/live-catalog.ts';
import type { ReplayStatement } from '../../../schema-changes/replay.ts';
import { messageOf } from '../backup-folder.ts';
import { eachStatement, replayRefused, thenDropped } from '../replay-errors.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { readDefinitions } from './definitions.ts';
import type { MysqlOptions } from './options.ts';
import type { DatabaseShape } from './scratch.ts';
import { dropAbandoned, dropUser, quoteName, scratchUser, withScratch } from './scratch.ts';

const RIGHTS = [
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'REFERENCES', 'INDEX', 'ALTER'],
  ...['CREATE TEMPORARY TABLES', 'LOCK TABLES', 'EXECUTE', 'CREATE VIEW', 'SHOW VIEW', 'CREATE ROUTINE'],
  ...['ALTER ROUTINE', 'TRIGGER'],
].join(', ');

/** Replays as `Database.replay` promises: as a user of its own, who has rights on the scratch database alone. */
export async function replayMysql(
  options: MysqlOptions,
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
  deadline: AbortSignal,
): Promise<LiveCatalog> {
  // Past the deadline there is still what was made to drop.
  return withSession(options, { signal }, async (session) => {
    await dropAbandoned(session);
    const [{ host, ...shape }] = (await session.rows<DatabaseShape & { host: string }>(
      `SELECT SUBSTRING_INDEX(USER(), '@', -1) AS host, @@character_set_database AS charset,
        @@collation_database AS collation`,
    )) as [DatabaseShape & { host: string }];
    const make = async (scratch: string) => {
      const user = scratchUser(scratch);
      const account = `'${user}'@'${host.replaceAll("'", "''")}'`;
      const password = randomBytes(24).toString('base64url');
      const replay = async () => {
        await makeUser(session, account, password, scratch);
        const as: MysqlOptions = {
          ...options,
          address: async () => ({ ...(await options.address()), user, password, database: scratch }),
        };
        return replayAs(as, statements, deadline);
      };
      return thenDropped(replay, `the user ${account}`, async () => {
        await endSessions(session, user);
        await dropUser(session, account);
      });
    };
    // What its user does is in the binary log, so that what it needs must be there too.
    return withScratch(session, shape, make, { logged: true }).catch((error) => {
      if (!/ER_(?:DBACCESS|ACCESS|SPECIFIC_ACCESS)_DENIED/.test((error as { code?: string }).code ?? ''))
        throw error;
      throw refused(session, error);
    });
  });
}

/** One that still runs a statement would hold the database; where it may not be ended it is waited for. */
async function endSessions(session: Session, user: string): Promise<void> {
  const found = await session.rows<{ id: string }>(
    'SELECT ID AS id FROM information_schema.PROCESSLIST WHERE USER = ?',
    [user],
  );
  for (const { id } of found) await session.rows(`KILL ${Number(id)}`).catch(() => undefined);
}

async function makeUser(session: Session, account: string, password: string, scratch: string): Promise<void> {
  // The password itself is in no statement: MariaDB would log it. MySQL does not.
  const twice = createHash('sha1')
    .update(createHash('sha1').update(password).digest())
    .digest('hex')
    .toUpperCase();
  const by =
    session.family === 'mariadb' ? `IDENTIFIED BY PASSWORD '*${twice}'` : `IDENTIFIED BY '${password}'`;
  // In a grant these two stand for any text.
  const only = quoteName(scratch.replace(/[_%]/g, '\\$&'));
  try {
    await session.rows(`CREATE USER ${account} ${by}`);
    await session.rows(`GRANT ${RIGHTS} ON ${only}.* TO ${account}`);
  } catch (error) {
    throw refused(session, error);
  }
}

function refused(session: Session, cause: unknown): RollbackError {
  return replayRefused(
    `They are replayed in a database of their own, as a user of its own; ${session.user} may not make them: ${messageOf(cause)}.`,
    `Let it: GRANT CREATE USER ON *.* TO ${session.user}; GRANT ${RIGHTS} ON \`rollback\\_scratch\\_%\`.* TO ${session.user} WITH GRANT OPTION`,
    cause,
  );
}

async function replayAs(
  options: MysqlOptions,
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
): Promise<LiveCatalog> {
  try {
    await withSession(options, { signal }, (session) =>
      eachStatement(statements, signal, (text) => session.rows(text)),
    );
    // What a migration left open, or set, ends with its session.
    return await withSession(options, { signal }, async (session) =>
      liveCatalog('mysql', await readDefinitions(session)),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof RollbackError) || !/^DATABASE_/.test(error.code)) throw error;
    throw replayRefused(
      `The user that they are replayed as can't log in: ${messageOf(error.cause ?? error)}.`,
      'Let new users log in with a password from where this runs.',
      error,
    );
  }
}
