import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import type { Database } from '../../src/adapters/database/database.ts';
import { mysqlDatabase } from '../../src/adapters/database/mysql.ts';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import type { LiveCatalog } from '../../src/schema-changes/live-catalog.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';

export type EngineName = 'postgresql' | 'mysql' | 'sqlite';

export const AVAILABLE: Record<EngineName, boolean> = {
  postgresql: HAS_POSTGRESQL,
  mysql: HAS_MARIADB,
  sqlite: true,
};

/** A real database to try statements on. */
export interface TrialDatabase {
  /** Empties it. */
  reset(): Promise<void>;
  /** Runs a script. @throws what the server says */
  run(sql: string): Promise<void>;
  /** Rows of one statement, as text. @throws what the server says */
  ask(sql: string): Promise<string>;
  /** Its schema, read by the adapter. */
  catalog(): Promise<LiveCatalog>;
  close(): Promise<void>;
}

export function trialDatabase(engine: EngineName): Promise<TrialDatabase> {
  return OPEN[engine]();
}

const OPEN: Record<EngineName, () => Promise<TrialDatabase>> = { postgresql, mysql: mariadb, sqlite };

const NEVER = new AbortController().signal;
const OPTIONS = {
  label: 'trial',
  history: { table: 'schema_migrations', column: 'version' },
  backupFolder: '/nowhere',
  keep: 1,
};

async function postgresql(): Promise<TrialDatabase> {
  const server = await startPostgresql({ synchronous_commit: 'off' });
  const client = new pg.Client(server.url('postgres'));
  await client.connect();
  const { host, port, user, password } = server;
  const address = { host, port, user, password, database: 'postgres', tls: 'disable' as const };
  const adapter: Database = postgresqlDatabase({ ...OPTIONS, address: async () => address });
  // Roles outlive schemas; one is there to take rights from.
  await client.query('CREATE ROLE application');
  return {
    async reset() {
      await client.query('RESET ALL; RESET ROLE');
      const { rows } = await client.query(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
      );
      for (const { nspname } of rows) await client.query(`DROP SCHEMA "${nspname}" CASCADE`);
      await client.query('CREATE SCHEMA public; GRANT ALL ON SCHEMA public TO application');
    },
    async run(sql) {
      await client.query(sql);
    },
    async ask(sql) {
      return JSON.stringify((await client.query({ text: sql, rowMode: 'array' })).rows);
    },
    catalog: () => adapter.catalog(NEVER),
    async close() {
      await client.end();
      await server.stop();
    },
  };
}

async function mariadb(): Promise<TrialDatabase> {
  const server = await startMariadb({ 'innodb-doublewrite': '0', 'innodb-flush-method': 'nosync' });
  const { host, port, user, password } = server;
  const connection = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
  const address = { host, port, user, password, database: 'trial', tls: 'disable' as const };
  const adapter: Database = mysqlDatabase({ ...OPTIONS, address: async () => address });
  return {
    async reset() {
      await connection.query('DROP DATABASE IF EXISTS trial; CREATE DATABASE trial; USE trial');
      await connection.query('SET SESSION sql_mode = DEFAULT, foreign_key_checks = 1');
    },
    async run(sql) {
      await connection.query(sql);
    },
    async ask(sql) {
      const [rows] = await connection.query({ sql, rowsAsArray: true });
      return JSON.stringify(Array.isArray(rows) ? rows : []);
    },
    catalog: () => adapter.catalog(NEVER),
    async close() {
      await connection.end();
      await server.stop();
    },
  };
}

async function sqlite(): Promise<TrialDatabase> {
  let db = new Libsql(':memory:');
  return {
    async reset() {
      db.close();
      db = new Libsql(':memory:');
      db.exec('PRAGMA foreign_keys = ON');
    },
    async run(sql) {
      db.exec(sql);
    },
    async ask(sql) {
      const statement = db.prepare(sql);
      if (statement.reader) return JSON.stringify(statement.raw().all());
      statement.run();
      return '[]';
    },
    async catalog() {
      const folder = await mkdtemp(join(tmpdir(), 'rda-trial-'));
      try {
        const path = join(folder, 'copy.db');
        db.exec(`VACUUM INTO '${path}'`);
        return await sqliteDatabase({ ...OPTIONS, path }).catalog(NEVER);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
    async close() {
      db.close();
    },
  };
}
