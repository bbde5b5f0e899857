import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { SqlEngine } from './sql-rig.ts';

const PASSWORD = 'Reversal-1';

export interface StartedEngine extends SqlEngine {
  stop(): Promise<void>;
}

export interface SqlEngineKind {
  name: 'postgresql' | 'sqlite' | 'mariadb';
  installed: boolean;
  /** Columns of the table `orders`, as the catalog has them. */
  columns: string;
  /** How a key that counts by itself is declared. */
  key: string;
  /** @param settings More of the server's. */
  start(settings?: Record<string, string>): Promise<StartedEngine>;
}

const SQLITE = `
  import Database from 'libsql';
  const db = new Database(process.env.SQL_FILE);
  db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL');
  const text = process.env.SQL_TEXT;
  if (text.startsWith('SELECT')) console.log(JSON.stringify(db.prepare(text).all()));
  else db.exec(text);
`;

/** In a process of its own: libsql keeps a closed file open until its statements are collected. */
async function inChild(file: string, text: string): Promise<Record<string, unknown>[]> {
  const env = { ...process.env, SQL_FILE: file, SQL_TEXT: text };
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', SQLITE], { env });
  return stdout === '' ? [] : JSON.parse(stdout);
}

/** Engines that the application of `sql-app` works with. */
export const SQL_ENGINES: SqlEngineKind[] = [
  {
    name: 'postgresql',
    installed: HAS_POSTGRESQL,
    columns: `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY 1`,
    key: 'id serial PRIMARY KEY',
    async start(settings) {
      const server = await startPostgresql(settings);
      const { default: pg } = await import('pg');
      const on = async (connectionString: string, text: string) => {
        const client = new pg.Client({ connectionString });
        await client.connect();
        try {
          return ([await client.query(text)].flat().at(-1)?.rows ?? []) as Record<string, unknown>[];
        } finally {
          await client.end();
        }
      };
      await on(
        server.url('postgres'),
        `CREATE ROLE deployer LOGIN CREATEDB CREATEROLE PASSWORD '${PASSWORD}'`,
      );
      await on(server.url('postgres'), 'CREATE DATABASE shop OWNER deployer');
      const url = `postgresql://deployer:${PASSWORD}@${server.host}:${server.port}/shop`;
      process.env.SHOP_URL = url;
      return {
        driver: 'pg',
        database: () => url,
        section: '      kind: postgresql\n      url: { env: SHOP_URL }\n',
        sql: (text) => on(url, text),
        stop: () => server.stop(),
      };
    },
  },
  {
    name: 'mariadb',
    installed: HAS_MARIADB,
    columns: `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = 'shop' AND table_name = 'orders' ORDER BY 1`,
    key: 'id int AUTO_INCREMENT PRIMARY KEY',
    async start() {
      const server = await startMariadb();
      const { default: mysql } = await import('mysql2/promise');
      const on = async (uri: string, text: string) => {
        const client = await mysql.createConnection({ uri, multipleStatements: true });
        try {
          const [results] = await client.query(text);
          const last = Array.isArray(results) && Array.isArray(results.at(-1)) ? results.at(-1) : results;
          return last as Record<string, unknown>[];
        } finally {
          await client.end();
        }
      };
      await on(
        server.url(''),
        `CREATE DATABASE shop; CREATE USER deployer@'%' IDENTIFIED BY '${PASSWORD}';
         GRANT CREATE USER ON *.* TO deployer@'%'; GRANT ALL ON shop.* TO deployer@'%';
         GRANT ALL ON \`shop\\_%\`.* TO deployer@'%';
         GRANT ALL ON \`rollback\\_scratch\\_%\`.* TO deployer@'%' WITH GRANT OPTION`,
      );
      const url = `mysql://deployer:${PASSWORD}@${server.host}:${server.port}/shop`;
      process.env.SHOP_URL = url;
      return {
        driver: 'mysql2/promise',
        database: () => url,
        section: '      kind: mysql\n      url: { env: SHOP_URL }\n',
        sql: (text) => on(url, text),
        stop: () => server.stop(),
      };
    },
  },
  {
    name: 'sqlite',
    installed: true,
    columns: `SELECT name FROM pragma_table_info('orders') ORDER BY 1`,
    key: 'id INTEGER PRIMARY KEY',
    async start() {
      return {
        driver: 'libsql',
        database: (folder) => join(folder, 'shop.db'),
        section: '      kind: sqlite\n      path: shop.db\n',
        sql: (text, folder) => inChild(join(folder, 'shop.db'), text),
        stop: async () => {},
      };
    },
  },
];
