import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../free-port.ts';
import { type DatabaseServer, installed, type ServerKind, startServer } from './server.ts';

const POSTGRESQL_BIN = newestBin();
/** Whether the server is installed (Debian package `postgresql`). */
export const HAS_POSTGRESQL = installed(join(POSTGRESQL_BIN, 'initdb'), join(POSTGRESQL_BIN, 'postgres'));

/** A real PostgreSQL that asks for a password. Its databases: `postgres`, and what tests create. */
export async function startPostgresql(settings: Record<string, string> = {}): Promise<DatabaseServer> {
  return startServer(kind(settings), await freePort(), randomUUID());
}

function kind(settings: Record<string, string>): ServerKind {
  return {
    scheme: 'postgresql',
    bin: POSTGRESQL_BIN,
    program: 'postgres',
    account: 'postgres',
    args: (folder, port) => {
      const all: Record<string, string> = {
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: folder,
        fsync: 'off',
        logging_collector: 'on',
        log_directory: folder,
        log_filename: 'log',
        ...settings,
      };
      return [
        '-D',
        join(folder, 'data'),
        ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ];
    },
    async initialise(folder, password, run) {
      const file = join(folder, 'password');
      await writeFile(file, password, { mode: 0o644 });
      run(join(POSTGRESQL_BIN, 'initdb'), [
        ...['-D', join(folder, 'data'), '-U', 'admin', '-E', 'UTF8', '--locale=C', '--no-sync'],
        ...['--auth=scram-sha-256', `--pwfile=${file}`],
      ]);
    },
    async ping(server) {
      const client = new pg.Client({ connectionString: server.url('postgres') });
      // An ended server tells its clients by an event, which ends the process where nobody listens.
      client.on('error', () => {});
      await client.connect();
      await client.end();
    },
  };
}

function newestBin(): string {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
  const newest = versions.find((version) => existsSync(join(base, version, 'bin/initdb')));
  return newest ? join(base, newest, 'bin') : '';
}
