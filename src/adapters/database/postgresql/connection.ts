import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type Pg from 'pg';
import { RollbackError } from '../../../model/error.ts';
import { messageOf } from '../backup-folder.ts';
import type { ServerAddress } from '../server-address.ts';
import type { PostgresqlOptions } from './options.ts';
import { nameOf } from './options.ts';
import { passwordOfUser } from './password-file.ts';

/** A connection with settings of its own; what it can't do it says in words of the product. */
export interface Session {
  /** E.g. `15.18`. */
  readonly version: string;
  readonly major: number;
  /** The role that is asked as. */
  readonly user: string;
  rows<T extends object>(sql: string, values?: unknown[]): Promise<T[]>;
}

export interface SessionOptions {
  signal: AbortSignal;
  /** Default: the configured one. */
  database?: string;
  /** Longest time of a statement, ms; 0 for as long as it takes. */
  statementTimeoutMs: number;
}

const CONNECT_MS = 10_000;
/** How long a lock is waited for, ms. */
export const LOCK_MS = 10_000;

/**
 * What text is made of values must be the same in any session that is compared; nothing may end a long one, and the
 * server ends what runs for a client that is gone. Settings that an older server does not know are left out.
 */
const SETTINGS = `
  SELECT set_config(name, wanted, false) FROM (VALUES
    ('search_path', ''), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'),
    ('extra_float_digits', '3'), ('bytea_output', 'hex'), ('lc_monetary', 'C'), ('row_security', 'off'),
    ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'), ('transaction_timeout', '0'),
    ('client_connection_check_interval', '2000'), ('lock_timeout', '${LOCK_MS}')
  ) AS v (name, wanted) WHERE v.name IN (SELECT s.name FROM pg_settings s)`;

/**
 * Runs `work` in a session of its own, which ends with it or with the signal.
 * @throws RollbackError `DATABASE_UNREACHABLE` (retriable), `DATABASE_MISSING`, `DATABASE_UNREADABLE`
 */
export async function withSession<T>(
  options: PostgresqlOptions,
  { signal, database, statementTimeoutMs }: SessionOptions,
  work: (session: Session, searchPath: string) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const address = await options.address();
  const client = await open({ ...address, database: database ?? address.database }, nameOf(options));
  const drop = () => client.connection.stream.destroy();
  signal.addEventListener('abort', drop, { once: true });
  try {
    const [server] = (
      await client.query(`SELECT current_setting('server_version') AS version, current_user AS me,
        current_setting('server_version_num')::int / 10000 AS major, current_setting('search_path') AS path`)
    ).rows as [{ version: string; me: string; major: number; path: string }];
    await client.query(SETTINGS);
    await client.query(`SET statement_timeout = ${statementTimeoutMs}`);
    const session: Session = {
      version: server.version.split(' ')[0] as string,
      major: server.major,
      user: server.me,
      rows: async <R extends object>(sql: string, values?: unknown[]) =>
        (await client.query<R>(sql, values)).rows,
    };
    return await work(session, server.path);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', drop);
    if (signal.aborted) drop();
    else await client.end().catch(() => undefined);
  }
}

/** Its socket, which the declarations leave out. */
type Client = Pg.Client & { connection: { stream: { destroy(): void } } };

async function open(address: ServerAddress, name: string): Promise<Client> {
  const { default: pg } = await import('pg');
  const ssl = await tlsOf(address);
  const connect = async (withTls: boolean) => {
    const client: Client = new pg.Client({
      host: address.host,
      port: address.port,
      user: address.user,
      password: address.password ?? (() => passwordOfUser(client)),
      database: address.database,
      ssl: withTls ? ssl : false,
      application_name: 'rollback-deploy-auto',
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
    }) as Client;
    // A connection that is lost tells its queries; this event would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      // Else the server waits for a password that does not come, and this process for the server.
      client.connection.stream.destroy();
      throw error;
    }
    return client;
  };
  try {
    return await connect(ssl !== false);
  } catch (error) {
    if (address.tls === 'prefer' && /does not support SSL/.test(messageOf(error))) {
      return await connect(false).catch((second) => {
        throw openError(second, address, name);
      });
    }
    throw openError(error, address, name);
  }
}

async function tlsOf({ tls, ca, host }: ServerAddress): Promise<false | ConnectionOptions> {
  // As libpq does: a socket of this machine has no TLS.
  if (tls === 'disable' || host?.startsWith('/')) return false;
  const certificates = ca === undefined ? {} : { ca: await readFile(ca, 'utf8') };
  // The driver tells the name of the server, but not an address.
  if (tls === 'verify-full') return { ...certificates, host: host ?? process.env.PGHOST ?? 'localhost' };
  if (tls === 'verify-ca') return { ...certificates, checkServerIdentity: () => undefined };
  return { rejectUnauthorized: false };
}

function openError(error: unknown, { host, database, user }: ServerAddress, name: string): RollbackError {
  const code = (error as { code?: string }).code ?? '';
  const where = 'Correct database in rollback.yaml, or the environment variables that it names.';
  if (code === '3D000') {
    return new RollbackError({
      code: 'DATABASE_MISSING',
      summary: `There is no database ${name}`,
      detail: `The server has no database "${database}".`,
      fix: where,
      cause: error,
    });
  }
  if (code === '28P01' || code === '28000' || /password/i.test(messageOf(error))) {
    return new RollbackError({
      code: 'DATABASE_UNREADABLE',
      summary: `The database ${name} refuses the login`,
      detail: `${sentence(error)} (user "${user ?? process.env.PGUSER ?? process.env.USER ?? ''}").`,
      fix: 'Correct the user or the password that rollback.yaml names, or ~/.pgpass.',
      cause: error,
    });
  }
  return new RollbackError({
    code: 'DATABASE_UNREACHABLE',
    summary: `The database ${name} can't be reached`,
    detail: `${host ?? process.env.PGHOST ?? 'localhost'}: ${sentence(error)}.`,
    fix: `Start the server, or: ${where}`,
    retriable: true,
    cause: error,
  });
}

function sentence(error: unknown): string {
  const { errors } = error as AggregateError;
  // Each address of a host name was tried, and each has its own error.
  if (errors?.length) return errors.map(messageOf).join('; ');
  return messageOf(error).replace(/\.$/, '');
}
