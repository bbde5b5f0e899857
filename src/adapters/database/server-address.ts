import { readFile } from 'node:fs/promises';
import { EXIT, RollbackError } from '../../model/error.ts';

/** A key of a Secret in a Kubernetes cluster; without a namespace in that of the service, else of the context. */
export interface SecretKeyReference {
  name: string;
  key: string;
  namespace?: string | undefined;
}

/** Where a secret is had from. */
export type SecretSource = { env: string } | { file: string } | { secretKeyRef: SecretKeyReference };

/** How what a source names is reached. */
export interface SecretAccess {
  /** Makes a path of the configuration absolute. */
  absolute(path: string): string;
  /** @throws RollbackError where the Secret or its key is not there, or may not be read */
  secretKey(reference: SecretKeyReference): Promise<string>;
}

/** How TLS is used, in libpq's words: https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-SSLMODE-STATEMENTS */
export type TlsMode = 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** Where a database server is and who asks; what is undefined is the engine's own default. */
export interface ServerAddress {
  /** A host name, an address, or the folder (PostgreSQL) or path (MySQL) of a socket. */
  host?: string | undefined;
  port?: number | undefined;
  user?: string | undefined;
  database?: string | undefined;
  password?: string | undefined;
  tls: TlsMode;
  /** Path of the certificates that sign the server's, PEM. */
  ca?: string | undefined;
}

/** As configured: a URL, or its parts. */
export interface ServerConfiguration {
  url?: string | SecretSource | undefined;
  host?: string | undefined;
  port?: number | undefined;
  user?: string | undefined;
  database?: string | undefined;
  password?: SecretSource | undefined;
  tls?: TlsMode | undefined;
  ca?: string | undefined;
}

/** Printed to people: never with a password, and known before any secret is read. */
export function labelOf({ url, host, database, user }: ServerConfiguration): string {
  if (url === undefined) return `${host ?? 'localhost'}/${database ?? user ?? ''}`.replace(/\/$/, '');
  if (typeof url !== 'string') return sourceName(url);
  const { host: of, database: name } = parseUrl(url);
  return `${of ?? 'localhost'}/${name ?? ''}`.replace(/\/$/, '');
}

function sourceName(source: SecretSource): string {
  if ('env' in source) return `$${source.env}`;
  if ('file' in source) return source.file;
  const { name, key, namespace } = source.secretKeyRef;
  return `secret/${[namespace, name, key].filter((part) => part !== undefined).join('/')}`;
}

/**
 * Reads the secrets, each time anew.
 * @throws RollbackError `SECRET_MISSING`, `DATABASE_URL_INVALID` (exit 2)
 */
export async function addressOf(
  configuration: ServerConfiguration,
  access: SecretAccess,
): Promise<ServerAddress> {
  const { url, password, tls, ca, ...parts } = configuration;
  const text = typeof url === 'object' ? await secretOf(url, access) : url;
  const { tls: ofUrl, ca: caOfUrl, ...parsed } = text === undefined ? {} : parseUrl(text);
  const certificates = ca ?? caOfUrl;
  return {
    ...parts,
    ...parsed,
    ...(password ? { password: await secretOf(password, access) } : {}),
    tls: tls ?? ofUrl ?? 'prefer',
    ca: certificates === undefined ? undefined : access.absolute(certificates),
  };
}

/** @throws RollbackError `SECRET_MISSING` (exit 2) */
export async function secretOf(source: SecretSource, { absolute, secretKey }: SecretAccess): Promise<string> {
  if ('secretKeyRef' in source) return secretKey(source.secretKeyRef);
  const missing = (detail: string, cause?: unknown) =>
    new RollbackError({
      code: 'SECRET_MISSING',
      summary: 'The credentials of the database are not there',
      detail,
      fix: 'Set it, or correct database.url or database.password in rollback.yaml.',
      exit: EXIT.usage,
      cause,
    });
  if ('env' in source) {
    const value = process.env[source.env];
    if (!value) throw missing(`The environment variable ${source.env} is not set.`);
    return value;
  }
  try {
    // Editors end a file with a line break; it is no part of a password.
    return (await readFile(absolute(source.file), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw missing(`The file ${source.file} can't be read (${(error as NodeJS.ErrnoException).code}).`, error);
  }
}

const TLS_MODES: readonly string[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];
/** MySQL's words for the same: https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode */
const MYSQL_MODES: Record<string, TlsMode> = {
  disabled: 'disable',
  preferred: 'prefer',
  required: 'require',
  verify_ca: 'verify-ca',
  verify_identity: 'verify-full',
};

function parseUrl(text: string): Partial<ServerAddress> {
  let url: URL;
  try {
    url = new URL(text);
    if (!/^(postgres|postgresql|mysql|mariadb):$/.test(url.protocol)) throw new TypeError('protocol');
  } catch {
    // The text itself may hold a password.
    throw invalid('It does not read as SCHEME://USER:PASSWORD@HOST:PORT/DATABASE.');
  }
  const word = url.searchParams.get('sslmode') ?? url.searchParams.get('ssl-mode') ?? undefined;
  const mode = word === undefined ? undefined : (MYSQL_MODES[word.toLowerCase()] ?? word.toLowerCase());
  if (mode !== undefined && !TLS_MODES.includes(mode)) throw invalid(`"${word}" is not a mode of TLS.`);
  const part = (value: string | null) => (value ? decodeURIComponent(value) : undefined);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host: part(url.searchParams.get('host') ?? url.searchParams.get('socket')) ?? part(host),
    port: url.port ? Number(url.port) : undefined,
    user: part(url.username),
    password: part(url.password),
    database: part(url.pathname.slice(1)),
    tls: mode as TlsMode | undefined,
    ca: part(url.searchParams.get('sslrootcert') ?? url.searchParams.get('ssl-ca')),
  };
}

function invalid(detail: string): RollbackError {
  return new RollbackError({
    code: 'DATABASE_URL_INVALID',
    summary: 'The URL of the database is not valid',
    detail,
    fix: 'Correct what database.url in rollback.yaml names.',
    exit: EXIT.usage,
  });
}
