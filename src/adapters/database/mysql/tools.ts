import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { RollbackError } from '../../../model/error.ts';
import type { ToolStreams } from '../run-tool.ts';
import { runTool } from '../run-tool.ts';
import { withSecretFile } from '../secret-file.ts';
import type { ServerAddress } from '../server-address.ts';
import type { Family } from './connection.ts';
import type { MysqlOptions } from './options.ts';

export interface MysqlTools {
  family: Family;
  /** E.g. `10.11.19`. */
  version: string;
  dump: string;
  client: string;
}

const NAMES = [
  { dump: 'mariadb-dump', client: 'mariadb' },
  { dump: 'mysqldump', client: 'mysql' },
];

/**
 * A dump tool of the other family, or older than the server, may leave out what it does not know, and say nothing.
 * @param folders Where they are looked for, first come first taken.
 * @throws RollbackError `DATABASE_TOOL_MISSING`
 */
export async function findTools(
  { family, version }: { family: Family; version: string },
  folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
): Promise<MysqlTools> {
  const unfit: string[] = [];
  for (const folder of folders) {
    for (const names of NAMES) {
      const [dump, client] = [join(folder, names.dump), join(folder, names.client)];
      const found = await versionOf(dump, client);
      if (!found) continue;
      if (found.family === family && compare(found.version, version) >= 0) return { ...found, dump, client };
      unfit.push(`${dump} is ${found.family === 'mariadb' ? "MariaDB's" : "MySQL's"}, ${found.version}`);
    }
  }
  const product = family === 'mariadb' ? 'MariaDB' : 'MySQL';
  throw new RollbackError({
    code: 'DATABASE_TOOL_MISSING',
    summary: `There is no dump tool for ${product} ${version}`,
    detail:
      unfit.length > 0
        ? `It must be ${product}'s own, and not older than the server: ${unfit.join('; ')}.`
        : `${family === 'mariadb' ? 'mariadb-dump and mariadb' : 'mysqldump and mysql'} were not found.`,
    fix: `Install ${family === 'mariadb' ? 'mariadb-client' : 'mysql-client'} of the server's version where this runs.`,
  });
}

async function versionOf(
  dump: string,
  client: string,
): Promise<Pick<MysqlTools, 'family' | 'version'> | undefined> {
  try {
    for (const path of [dump, client]) await access(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(dump, ['--version']);
    const mariadb = /(\d+\.\d+\.\d+)-MariaDB/.exec(stdout)?.[1];
    if (mariadb) return { family: 'mariadb', version: mariadb };
    const mysql = /Ver (\d+\.\d+\.\d+)/.exec(stdout)?.[1];
    return mysql === undefined ? undefined : { family: 'mysql', version: mysql };
  } catch {
    return undefined;
  }
}

/** By major and minor version: patches change no syntax. */
function compare(a: string, b: string): number {
  const [aMajor = 0, aMinor = 0] = a.split('.').map((n) => Number.parseInt(n, 10));
  const [bMajor = 0, bMinor = 0] = b.split('.').map((n) => Number.parseInt(n, 10));
  return aMajor - bMajor || aMinor - bMinor;
}

/** Dumps a database of the server as `dumpArguments` say. */
export async function runDump(
  options: MysqlOptions,
  tools: MysqlTools,
  database: string,
  streams: ToolStreams,
): Promise<void> {
  await run(options, tools, tools.dump, [...dumpArguments(tools.family), database], streams);
}

/** Runs SQL of its input in a database of the server. */
export async function runClient(
  options: MysqlOptions,
  tools: MysqlTools,
  { database, initial }: { database: string; initial?: string },
  streams: ToolStreams,
): Promise<void> {
  const args = [
    ...['--batch', '--default-character-set=utf8mb4', '--max-allowed-packet=1G', '--binary-mode'],
    ...(initial === undefined ? [] : [`--init-command=${initial}`]),
    database,
  ];
  await run(options, tools, tools.client, args, streams);
}

/** One snapshot of InnoDB; everything that belongs to the database; the same text whenever the same is dumped. */
function dumpArguments(family: Family): string[] {
  return [
    ...['--single-transaction', '--quick', '--routines', '--triggers', '--events', '--hex-blob'],
    ...['--default-character-set=utf8mb4', '--order-by-primary', '--skip-dump-date', '--no-tablespaces'],
    ...['--skip-add-locks', '--skip-disable-keys', '--no-autocommit', '--max-allowed-packet=1G'],
    // Else a server with GTIDs refuses its own dump.
    ...(family === 'mysql' ? ['--set-gtid-purged=OFF'] : []),
  ];
}

/** Address and credentials are in a file, not in the arguments. */
async function run(
  options: MysqlOptions,
  { family }: MysqlTools,
  path: string,
  args: string[],
  streams: ToolStreams,
): Promise<void> {
  const file = optionFile(await options.address(), family);
  await withSecretFile(file, (secrets) =>
    // Nobody's own settings change what is dumped.
    runTool({ path, args: [`--defaults-file=${secrets}`, ...args], env: {} }, streams),
  );
}

function optionFile({ host, port, user, password, tls, ca }: ServerAddress, family: Family): string {
  const socket = host?.startsWith('/');
  const lines = Object.entries({
    host: socket ? undefined : (host ?? 'localhost'),
    socket: socket ? host : undefined,
    // Else "localhost" means a socket, and not the port that is asked for.
    protocol: socket ? 'socket' : 'tcp',
    port,
    user,
    password: password ?? process.env.MYSQL_PWD,
    'ssl-ca': ca,
  }).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${quoted(String(value))}`]));
  if (family === 'mysql') lines.push(`ssl-mode=${MYSQL_MODES[tls]}`);
  else if (tls === 'disable') lines.push('skip-ssl');
  else if (tls !== 'prefer') lines.push('ssl', `ssl-verify-server-cert=${tls.startsWith('verify') ? 1 : 0}`);
  return `[client]\n${lines.join('\n')}\n`;
}

const MYSQL_MODES = {
  disable: 'DISABLED',
  prefer: 'PREFERRED',
  require: 'REQUIRED',
  'verify-ca': 'VERIFY_CA',
  'verify-full': 'VERIFY_IDENTITY',
};

/** https://dev.mysql.com/doc/refman/8.4/en/option-files.html#option-file-syntax */
function quoted(value: string): string {
  const escaped = value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `"${escaped}"`;
}
