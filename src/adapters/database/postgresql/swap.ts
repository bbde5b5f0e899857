import { setTimeout as sleep } from 'node:timers/promises';
import { RollbackError } from '../../../model/error.ts';
import { messageOf } from '../backup-folder.ts';
import type { Backup, Swap, SwapPlaces, TableChange } from '../database.ts';
import { DEFINITIONS, tableChanges } from '../table-changes.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { differenceOf, readObjects, readRows, readTables } from './content.ts';
import { quoteName } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { restorePostgresql } from './restore.ts';
import { requireWhole } from './verify.ts';

/** From where databases are renamed. */
const MAINTENANCE = 'postgres';

/** Reads all rows in one snapshot; writers go on. */
export async function changesPostgresql(
  options: PostgresqlOptions,
  backup: Backup,
  signal: AbortSignal,
): Promise<TableChange[]> {
  const { content } = await requireWhole(backup, signal);
  return withSession(options, { signal, statementTimeoutMs: 0 }, async (session) => {
    await session.rows('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    const now = await readRows(session, await readTables(session));
    const changes = tableChanges(
      content.rows,
      now.rows,
      (table) => content.hashes[table] !== now.hashes[table],
    );
    const same = differenceOf(content, { ...now, objects: await readObjects(session) }) === undefined;
    return same || changes.length > 0 ? changes : [DEFINITIONS];
  });
}

export function postgresqlSwap(options: PostgresqlOptions): Swap {
  const ownName = async () => {
    const { database, user } = await options.address();
    return database ?? user ?? MAINTENANCE;
  };
  const aside = <T>(signal: AbortSignal, work: (session: Session) => Promise<T>) =>
    withSession(options, { signal, database: MAINTENANCE, statementTimeoutMs: 0 }, work);
  return {
    ownName,
    async places(id) {
      // A name has at most 63 bytes; what distinguishes it must not be cut off.
      const name = Buffer.from(await ownName())
        .subarray(0, 30)
        .toString('utf8')
        .replaceAll('\ufffd', '');
      return { restored: `${name}_restored_${id}`, kept: `${name}_replaced_${id}` };
    },
    restore: (backup, { restored }, signal) => restorePostgresql(options, backup, restored, signal),
    state: ({ restored, kept }, signal) =>
      aside(signal, async (session) => {
        const rows = await session.rows<{ name: string }>(
          'SELECT datname AS name FROM pg_database WHERE datname = ANY ($1)',
          [[restored, kept]],
        );
        const has = (name: string) => rows.some((row) => row.name === name);
        if (has(kept)) return 'swapped';
        return has(restored) ? 'restored' : 'none';
      }),
    swap: async (places, signal) => {
      const own = await ownName();
      await aside(signal, (session) => swapNames(options, session, own, places, signal));
    },
  };
}

/** One transaction: whoever connects meanwhile waits for it, and then finds the restored database. */
async function swapNames(
  options: PostgresqlOptions,
  session: Session,
  own: string,
  { restored, kept }: SwapPlaces,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const ending = endConnections(options, [own, restored], signal, over.signal);
  try {
    await session.rows('BEGIN');
    await session.rows(`ALTER DATABASE ${quoteName(own)} RENAME TO ${quoteName(kept)}`);
    await session.rows(`ALTER DATABASE ${quoteName(restored)} RENAME TO ${quoteName(own)}`);
    for (const sql of await rightsLike(session, kept, own)) await session.rows(sql);
    await session.rows('COMMIT');
  } catch (error) {
    await session.rows('ROLLBACK').catch(() => undefined);
    signal.throwIfAborted();
    throw new RollbackError({
      code: (error as { code?: string }).code === '55006' ? 'DATABASE_IN_USE' : 'RESTORE_FAILED',
      summary: `${nameOf(options)} can't be replaced`,
      detail: `As "${session.user}": ${messageOf(error).replace(/\.$/, '')}.`,
      fix: 'Run it as the owner of the database, with CREATEDB and pg_signal_backend, and end what still uses it.',
      cause: error,
    });
  } finally {
    over.abort();
    await ending;
  }
}

/** A database in use can't be renamed, and applications connect again at once. */
async function endConnections(
  options: PostgresqlOptions,
  databases: string[],
  signal: AbortSignal,
  over: AbortSignal,
): Promise<void> {
  await withSession(options, { signal, database: MAINTENANCE, statementTimeoutMs: 0 }, async (session) => {
    while (!over.aborted) {
      // Those that this role may not end are told by the renaming.
      await session
        .rows('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY ($1)', [databases])
        .catch(() => undefined);
      await sleep(50, undefined, { signal: over }).catch(() => undefined);
    }
  });
}

/** What a dump does not hold: the owner of the database, and who may connect to it. */
async function rightsLike(session: Session, from: string, to: string): Promise<string[]> {
  const [row] = await session.rows<{ owner: string; same: boolean; acl: boolean }>(
    `SELECT pg_get_userbyid(a.datdba) AS owner, a.datdba = b.datdba AS same, a.datacl IS NOT NULL AS acl
     FROM pg_database a, pg_database b WHERE a.datname = $1 AND b.datname = $2`,
    [from, to],
  );
  const name = quoteName(to);
  const grants = await session.rows<{ grantee: string | null; privilege: string }>(
    `SELECT r.rolname AS grantee, x.privilege_type AS privilege
     FROM pg_database d, aclexplode(d.datacl) x LEFT JOIN pg_roles r ON r.oid = x.grantee WHERE d.datname = $1`,
    [from],
  );
  return [
    ...(row?.acl ? [`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`] : []),
    ...grants.map(
      ({ grantee, privilege }) =>
        `GRANT ${privilege} ON DATABASE ${name} TO ${grantee === null ? 'PUBLIC' : quoteName(grantee)}`,
    ),
    ...(row && !row.same ? [`ALTER DATABASE ${name} OWNER TO ${quoteName(row.owner)}`] : []),
  ];
}
