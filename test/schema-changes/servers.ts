import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
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
  close(): Promise<void>;
}

export function trialDatabase(engine: EngineName): Promise<TrialDatabase> {
  return OPEN[engine]();
}

const OPEN: Record<EngineName, () => Promise<TrialDatabase>> = { postgresql, mysql: mariadb, sqlite };

async function postgresql(): Promise<TrialDatabase> {
  const server = await startPostgresql();
  const client = new pg.Client(server.url('postgres'));
  await client.connect();
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
    async close() {
      await client.end();
      await server.stop();
    },
  };
}

async function mariadb(): Promise<TrialDatabase> {
  const server = await startMariadb();
  const { host, port, user, password } = server;
  const connection = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
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
    async close() {
      db.close();
    },
  };
}
