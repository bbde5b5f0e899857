import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import { newMigrationFiles, WRITTEN_FORMATS } from '../../src/adapters/migrations/new-files.ts';
import type { Engine } from '../../src/model/migration-formats.ts';
import type { Migration } from '../../src/model/release.ts';
import { proposeBridge } from '../../src/schema-changes/propose-bridge.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { DatabaseServer } from '../databases/server.ts';

interface Case {
  what: string;
  engines: Engine[];
  before: string;
  since: string;
  /** Statements of the code from before, and of that from after. */
  old: string[];
  young: string[];
  /** What the last statement of the old code must read. */
  reads?: Record<string, unknown>;
}

const ALL: Engine[] = ['postgresql', 'mysql', 'sqlite'];
const SERVERS: Engine[] = ['postgresql', 'mysql'];

const CASES: Case[] = [
  {
    what: 'a dropped column is back',
    engines: ALL,
    before: 'CREATE TABLE t (id integer PRIMARY KEY, a varchar(20) NOT NULL, b integer)',
    since: 'ALTER TABLE t DROP COLUMN a',
    old: [`INSERT INTO t (id, a, b) VALUES (1, 'x', 1)`, 'SELECT a FROM t WHERE id = 1'],
    young: ['INSERT INTO t (id, b) VALUES (2, 2)'],
    reads: { a: 'x' },
  },
  {
    what: 'a renamed column has both names',
    engines: ALL,
    before: 'CREATE TABLE t (id integer PRIMARY KEY, a integer)',
    since: 'ALTER TABLE t RENAME COLUMN a TO b',
    old: [
      'INSERT INTO t (id, a) VALUES (1, 5)',
      'UPDATE t SET a = 7 WHERE id = 2',
      'SELECT a, b FROM t WHERE id = 2',
    ],
    young: ['INSERT INTO t (id, b) VALUES (2, 6)', 'UPDATE t SET b = 6 WHERE id = 2'],
    reads: { a: 7, b: 7 },
  },
  {
    what: 'a renamed column that must be given has both names',
    engines: SERVERS,
    before: 'CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL)',
    since: 'ALTER TABLE t RENAME COLUMN a TO b',
    old: ['INSERT INTO t (id, a) VALUES (1, 5)', 'SELECT a, b FROM t WHERE id = 1'],
    young: ['INSERT INTO t (id, b) VALUES (2, 6)'],
    reads: { a: 5, b: 5 },
  },
  {
    what: 'a renamed table has a view of its old name',
    engines: SERVERS,
    before: 'CREATE TABLE t (id integer PRIMARY KEY, a integer)',
    since: 'ALTER TABLE t RENAME TO u',
    old: ['INSERT INTO t (id, a) VALUES (1, 5)', 'SELECT a FROM t WHERE id = 1'],
    young: ['INSERT INTO u (id, a) VALUES (2, 6)'],
    reads: { a: 5 },
  },
  {
    what: 'a default that was dropped is back',
    engines: SERVERS,
    before: `CREATE TABLE t (id integer PRIMARY KEY, a varchar(20) NOT NULL DEFAULT 'new')`,
    since: 'ALTER TABLE t ALTER COLUMN a DROP DEFAULT',
    old: ['INSERT INTO t (id) VALUES (1)', 'SELECT a FROM t WHERE id = 1'],
    young: [`INSERT INTO t (id, a) VALUES (2, 'y')`],
    reads: { a: 'new' },
  },
  {
    what: 'a column that must be given has a default',
    engines: SERVERS,
    before: 'CREATE TABLE t (id integer PRIMARY KEY)',
    since: 'ALTER TABLE t ADD COLUMN a integer NOT NULL',
    old: ['INSERT INTO t (id) VALUES (1)', 'SELECT a FROM t WHERE id = 1'],
    young: ['INSERT INTO t (id, a) VALUES (2, 3)'],
    reads: { a: 0 },
  },
  {
    what: 'a dropped table is back, empty',
    engines: ALL,
    before: 'CREATE TABLE t (id integer PRIMARY KEY, a varchar(20)); CREATE TABLE u (id integer PRIMARY KEY)',
    since: 'DROP TABLE t',
    old: [`INSERT INTO t (id, a) VALUES (1, 'x')`, 'SELECT a FROM t WHERE id = 1'],
    young: ['INSERT INTO u (id) VALUES (2)'],
    reads: { a: 'x' },
  },
];

/** Runs statements in an empty schema; returns the first row of the last. */
type Run = (statements: string[]) => Promise<Record<string, unknown> | undefined>;

describe.skipIf(!HAS_POSTGRESQL)('a bridge in PostgreSQL', () => {
  let server: DatabaseServer;
  let client: pg.Client;
  beforeAll(async () => {
    server = await startPostgresql();
    client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });
  suite('postgresql', async (statements) => {
    await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    let row: Record<string, unknown> | undefined;
    for (const sql of statements) row = (await client.query(sql)).rows?.[0];
    return row;
  });
});

describe.skipIf(!HAS_MARIADB)('a bridge in MariaDB', () => {
  let server: DatabaseServer;
  let connection: mysql.Connection;
  beforeAll(async () => {
    server = await startMariadb();
    const { host, port, user, password } = server;
    connection = await mysql.createConnection({ host, port, user, password });
  });
  afterAll(async () => {
    await connection?.end();
    await server?.stop();
  });
  suite('mysql', async (statements) => {
    await connection.query('DROP DATABASE IF EXISTS app');
    await connection.query('CREATE DATABASE app');
    await connection.query('USE app');
    let row: Record<string, unknown> | undefined;
    for (const sql of statements) row = ((await connection.query(sql))[0] as Record<string, unknown>[])[0];
    return row;
  });
});

describe('a bridge in SQLite', () => {
  suite('sqlite', async (statements) => {
    const db = new Libsql(':memory:');
    let row: Record<string, unknown> | undefined;
    for (const sql of statements) {
      if (sql.startsWith('SELECT')) row = db.prepare(sql).get() as Record<string, unknown>;
      else db.exec(sql);
    }
    db.close();
    return row;
  });

  test('what can not be bridged is said', async () => {
    const span = {
      before: [migration('1', 'CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL)')],
      migrations: [migration('2', 'ALTER TABLE t RENAME COLUMN a TO b')],
    };
    const { up, remaining } = await proposeBridge(span, 'sqlite');
    expect(up).toEqual([]);
    expect(remaining).toMatchObject([{ rule: 'rename-column', verdict: 'reads-fail' }]);
  });

  test('where nothing is in the way nothing is proposed', async () => {
    const span = {
      before: [migration('1', 'CREATE TABLE t (id integer PRIMARY KEY)')],
      migrations: [migration('2', 'ALTER TABLE t ADD COLUMN a integer')],
    };
    expect(await proposeBridge(span, 'sqlite')).toEqual({ up: [], down: [], remaining: [] });
  });
});

function suite(engine: Engine, run: Run): void {
  const cases = CASES.filter(({ engines }) => engines.includes(engine));
  test.each(cases)('$what', async ({ before, since, old, young, reads }) => {
    const span = { before: [migration('1', before)], migrations: [migration('2', since)] };
    const { up, down, remaining } = await proposeBridge(span, engine);
    expect(remaining).toEqual([]);
    const made = [...before.split('; '), since];
    // Without the bridge the old code fails: else there would be nothing to show.
    await expect(run([...made, ...young, ...old])).rejects.toThrow();
    expect(await run([...made, ...up, ...young, ...old])).toMatchObject(reads ?? {});
    await run([...made, ...up, ...down, ...young]);
  });
}

describe('a new migration', () => {
  test.each(WRITTEN_FORMATS)('%s: its own reader reads it, after all others', (format) => {
    const source = migrationSources[format]();
    const first = newMigrationFiles(
      format,
      [],
      [],
      { name: 'first', up: ['SELECT 1'], down: ['SELECT 2'] },
      0,
    );
    const files = (first ?? []).map(({ path, content }) => ({ path: `db/${path}`, content }));
    const all = source.parse(files, 'db');
    const up = ['CREATE FUNCTION f() AS $$ BEGIN; END; $$', 'SELECT 3'];
    const made = newMigrationFiles(format, all, files, { name: 'bridge', up, down: ['SELECT 4'] }, 1000);
    const parsed = source.parse(
      [...files, ...(made ?? []).map((file) => ({ ...file, path: `db/${file.path}` }))],
      'db',
    );
    expect(parsed).toHaveLength(2);
    expect(parsed[1]?.up).toContain('SELECT 3');
    if (['dbmate', 'goose', 'golang-migrate', 'diesel'].includes(format))
      expect(parsed[1]?.down).toContain('SELECT 4');
  });

  test('numbers go on as they are', () => {
    const existing = [{ ...migration('7', ''), file: 'db/0007_x.up.sql' }];
    const made = newMigrationFiles('golang-migrate', existing, [], { name: 'b', up: [], down: [] }, 0);
    expect(made?.map(({ path }) => path)).toEqual(['0008_b.up.sql', '0008_b.down.sql']);
  });
});

function migration(version: string, up: string): Migration {
  return { version, name: '', file: `${version}.sql`, up, down: undefined };
}
