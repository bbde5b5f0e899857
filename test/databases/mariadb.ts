import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { freePort } from '../free-port.ts';
import { type DatabaseServer, installed, type ServerKind, startServer } from './server.ts';

/** Whether the server is installed (Debian package `mariadb-server`). */
export const HAS_MARIADB = installed('mariadbd');

/** A real MariaDB that asks for a password. Its databases are those that tests create. */
export async function startMariadb(settings: Record<string, string> = {}): Promise<DatabaseServer> {
  return startServer(kind(settings), await freePort(), randomUUID());
}

function kind(settings: Record<string, string>): ServerKind {
  return {
    scheme: 'mysql',
    bin: '',
    program: 'mariadbd',
    account: 'mysql',
    args: (folder, port) => [
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      `--init-file=${join(folder, 'init.sql')}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--log-error=${join(folder, 'log')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--innodb-flush-log-at-trx-commit=0',
      ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
    ],
    async initialise(folder, password, run) {
      run('mariadb-install-db', [
        ...['--no-defaults', `--datadir=${join(folder, 'data')}`, '--skip-test-db'],
        '--auth-root-authentication-method=normal',
      ]);
      const user = `CREATE USER IF NOT EXISTS admin@'%' IDENTIFIED BY '${password}';`;
      await writeFile(
        join(folder, 'init.sql'),
        `${user}\nGRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION;\n`,
      );
    },
    async ping({ host, port, user, password }) {
      const connection = await mysql.createConnection({ host, port, user, password });
      await connection.end();
    },
  };
}
