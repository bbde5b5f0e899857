import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { RollbackError } from '../../../model/error.ts';
import type { Tool, ToolStreams } from '../run-tool.ts';
import { runTool } from '../run-tool.ts';
import { withSecretFile } from '../secret-file.ts';
import type { ServerAddress } from '../server-address.ts';
import type { PostgresqlOptions } from './options.ts';

export interface PostgresqlTools {
  /** E.g. `15.18`. */
  version: string;
  dump: string;
  restore: string;
}

/**
 * pg_dump refuses a server that is newer than itself, and a newer pg_restore sends settings that an older server does
 * not know: those of the server's own major version come first.
 * @param folders Where they are looked for, first come first taken.
 * @throws RollbackError `DATABASE_TOOL_MISSING`
 */
export async function findTools(major: number, folders = usualFolders(major)): Promise<PostgresqlTools> {
  const tooOld: string[] = [];
  for (const folder of folders) {
    const dump = join(folder, 'pg_dump');
    const restore = join(folder, 'pg_restore');
    try {
      for (const path of [dump, restore]) await access(path, constants.X_OK);
      const { stdout } = await promisify(execFile)(dump, ['--version']);
      const version = /(\d+)(?:\.\d+|\w+)*/.exec(stdout.replace(/^.*?\)/, ''));
      if (!version) continue;
      if (Number(version[1]) >= major) return { version: version[0], dump, restore };
      tooOld.push(`${dump} is of version ${version[0]}`);
    } catch {
      // Not there, or not to be run.
    }
  }
  throw new RollbackError({
    code: 'DATABASE_TOOL_MISSING',
    summary: `There is no pg_dump for PostgreSQL ${major}`,
    detail:
      tooOld.length > 0
        ? `The server is of version ${major}, and pg_dump can't read a newer server than itself: ${tooOld.join('; ')}.`
        : 'pg_dump and pg_restore were not found.',
    fix: `Install them where this runs, e.g. the package postgresql-client-${major}.`,
  });
}

function usualFolders(major: number): string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
  ];
}

/** Runs a tool on a database of the server. Address and credentials are in its environment and in a file, not in its arguments. */
export async function runOnServer(
  options: PostgresqlOptions,
  { path, args, settings = {} }: Pick<Tool, 'path' | 'args'> & { settings?: Record<string, string> },
  streams: ToolStreams & { database?: string },
): Promise<void> {
  const { database, ...rest } = streams;
  const address = await options.address();
  const env = environmentOf({ ...address, database: database ?? address.database });
  const pgOptions = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  if (pgOptions.length > 0) env.PGOPTIONS = [process.env.PGOPTIONS, ...pgOptions].filter(Boolean).join(' ');
  const { password } = address;
  // Without one the tool reads ~/.pgpass and PGPASSWORD itself, as the driver does.
  if (password === undefined) return runTool({ path, args, env }, rest);
  await withSecretFile(`*:*:*:*:${password.replace(/[\\:]/g, '\\$&')}\n`, (file) =>
    // An inherited password would be used instead of the file's.
    runTool({ path, args, env: { ...env, PGPASSFILE: file, PGPASSWORD: undefined } }, rest),
  );
}

/** The driver trusts the authorities of the system; older tools know none. */
function systemAuthorities(): string | undefined {
  return ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'].find(
    existsSync,
  );
}

function environmentOf({ host, port, user, database, tls, ca }: ServerAddress): Record<string, string> {
  const set = (name: string, value: string | undefined) => (value === undefined ? {} : { [name]: value });
  return {
    // The driver's default, which is not libpq's.
    PGHOST: host ?? process.env.PGHOST ?? 'localhost',
    PGSSLMODE: tls,
    PGAPPNAME: 'rollback-deploy-auto',
    PGCONNECT_TIMEOUT: '10',
    ...set('PGPORT', port === undefined ? undefined : String(port)),
    ...set('PGUSER', user),
    ...set('PGDATABASE', database),
    ...set(
      'PGSSLROOTCERT',
      ca ?? process.env.PGSSLROOTCERT ?? (tls.startsWith('verify') ? systemAuthorities() : undefined),
    ),
  };
}
