import { join } from 'node:path';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { SqlEngine } from './sql-rig.ts';

const PASSWORD = 'Reversal-1';

export interface StartedEngine extends SqlEngine {
  stop(): Promise<void>;
}

export interface SqlEngineKind {
  name: 'postgresql' | 'sqlite';
  installed: boolean;
  /** Columns of the table `orders`, as the catalog has them. */
  columns: string;
  /** How a key that counts by itself is declared. */
  key: string;
  start(): Promise<StartedEngine>;
}

/** Engines that the application of `sql-app` works with. */
export const SQL_ENGINES: SqlEngineKind[] = [
  {
    name: 'postgresql',
    installed: HAS_POSTGRESQL,
    columns: `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY 1`,
    key: 'id serial PRIMARY KEY',
    async start() {
      const server = await startPostgresql();
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
      await on(server.url('postgres'), `CREATE ROLE deployer LOGIN CREATEDB PASSWORD '${PASSWORD}'`);
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
    name: 'sqlite',
    installed: true,
    columns: `SELECT name FROM pragma_table_info('orders') ORDER BY 1`,
    key: 'id INTEGER PRIMARY KEY',
    async start() {
      const { default: Database } = await import('libsql');
      return {
        driver: 'libsql',
        database: (folder) => join(folder, 'shop.db'),
        section: '      kind: sqlite\n      path: shop.db\n',
        async sql(text, folder) {
          const db = new Database(join(folder, 'shop.db'));
          try {
            db.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL');
            if (/^SELECT/.test(text)) return db.prepare(text).all() as Record<string, unknown>[];
            db.exec(text);
            return [];
          } finally {
            db.close();
          }
        },
        stop: async () => {},
      };
    },
  },
];
