import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Connection, SslOptions } from 'mysql2/promise';
import { EXIT, RollbackError } from '../../../model/error.ts';
import { messageOf } from '../backup-folder.ts';
import type { ServerAddress } from '../server-address.ts';
import type { MysqlOptions } from './options.ts';
import { nameOf } from './options.ts';

export interface Session {
  /** As the server says it, e.g. `10.11.19-MariaDB-0+deb12u1`. */
  readonly version: string;
  readonly family: Family;
  /** `name@host` as the server knows it. */
  readonly user: string;
  /** The configured database. */
  readonly database: string;
  rows<T extends object>(sql: string, values?: unknown[]): Promise<T[]>;
}

export type Family = 'mariadb' | 'mysql';

const CONNECT_MS = 10_000;

/**
 * Runs `work` in a session of its own, which ends with it or with the signal. A lock on a table's definition is waited
 * for 10 s.
 * @param database Default: the configured one; null for none.
 * @throws RollbackError `DATABASE_UNREACHABLE` (retriable), `DATABASE_MISSING`, `DATABASE_UNREADABLE`
 */
export async function withSession<T>(
  options: MysqlOptions,
  { signal, database }: { signal: AbortSignal; database?: string | null },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const address = await options.address();
  const wanted = database === undefined ? address.database : (database ?? undefined);
  const connection = await open({ ...address, database: wanted }, nameOf(options));
  // A connection that is lost tells its queries; this event would end the process.
  connection.on('error', () => {});
  const drop = () => connection.destroy();
  signal.addEventListener('abort', drop, { once: true });
  try {
    const rows = async <R extends object>(sql: string, values: unknown[] = []) =>
      (await connection.query(sql, values))[0] as R[];
    const [server] = (await rows('SELECT version() AS version, current_user() AS me')) as [
      { version: string; me: string },
    ];
    await rows('SET SESSION lock_wait_timeout = 10');
    const family = /mariadb/i.test(server.version) ? 'mariadb' : 'mysql';
    const database = address.database ?? '';
    return await work({ version: server.version, family, user: server.me, database, rows });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', drop);
    if (signal.aborted) drop();
    else await connection.end().catch(() => undefined);
  }
}

async function open(address: ServerAddress, name: string): Promise<Connection> {
  const { createConnection } = await import('mysql2/promise');
  const { host, port, user, password } = address;
  const tls = await tlsOf(address);
  const place = host?.startsWith('/') ? { socketPath: host } : { host: host ?? 'localhost', port };
  const connect = (ssl: SslOptions | undefined) =>
    createConnection({
      ...place,
      user,
      // What the tools of MySQL read too.
      password: password ?? process.env.MYSQL_PWD,
      database: address.database,
      ...(ssl ? { ssl } : {}),
      connectTimeout: CONNECT_MS,
      supportBigNumbers: true,
      bigNumberStrings: true,
    });
  try {
    return await connect(tls);
  } catch (error) {
    const without =
      address.tls === 'prefer' && (error as { code?: string }).code === 'HANDSHAKE_NO_SSL_SUPPORT';
    if (!without) throw openError(error, address, name);
    return connect(undefined).catch((second) => {
      throw openError(second, address, name);
    });
  }
}

async function tlsOf({ tls, ca, host }: ServerAddress): Promise<SslOptions | undefined> {
  if (tls === 'disable' || host?.startsWith('/')) return undefined;
  const certificates = ca === undefined ? {} : { ca: await readFile(ca, 'utf8') };
  if (tls === 'verify-full') {
    if (host !== undefined && isIP(host)) throw needsName(host);
    return { ...certificates, verifyIdentity: true };
  }
  return tls === 'verify-ca' ? certificates : { rejectUnauthorized: false };
}

/** The driver would compare the certificate with "localhost". */
function needsName(host: string): RollbackError {
  return new RollbackError({
    code: 'DATABASE_UNREACHABLE',
    summary: `The certificate of ${host} can't be checked`,
    detail: 'With verify-full it is compared with the name of the host, and an address is none.',
    fix: 'Name the host in rollback.yaml instead of its address, or set tls: verify-ca.',
    exit: EXIT.usage,
  });
}

function openError(error: unknown, { host, database, user }: ServerAddress, name: string): RollbackError {
  const code = (error as { code?: string }).code ?? '';
  const where = 'Correct database in rollback.yaml, or the environment variables that it names.';
  const fields = { cause: error, fix: where };
  if (code === 'ER_BAD_DB_ERROR') {
    const detail = `The server has no database "${database}".`;
    return new RollbackError({
      ...fields,
      code: 'DATABASE_MISSING',
      summary: `There is no database ${name}`,
      detail,
    });
  }
  if (/ACCESS_DENIED|AUTH/.test(code)) {
    return new RollbackError({
      ...fields,
      code: 'DATABASE_UNREADABLE',
      summary: `The database ${name} refuses the login`,
      detail: `${messageOf(error)} (user "${user ?? ''}").`,
      fix: 'Correct the user or the password that rollback.yaml names, or ~/.my.cnf.',
    });
  }
  return new RollbackError({
    ...fields,
    code: 'DATABASE_UNREACHABLE',
    summary: `The database ${name} can't be reached`,
    detail: `${host ?? 'localhost'}: ${messageOf(error) || code}.`,
    fix: `Start the server, or: ${where}`,
    retriable: true,
  });
}
