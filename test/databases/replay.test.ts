import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/adapters/database/database.ts';
import type { Engine } from '../../src/model/migration-formats.ts';
import { planReplay } from '../../src/schema-changes/replay.ts';
import type { DatabaseFixture } from '../contracts/database.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { sqliteFixture } from './sqlite-fixture.ts';

const NEVER = new AbortController().signal;

const migration = (up: string) => ({ version: '1', name: 'x', file: '1_x.sql', up, down: undefined });
const plan = (engine: Engine, up: string) => planReplay([migration(up)], engine);
const replay = (database: Database, texts: string[], deadline = NEVER) =>
  database.replay(
    texts.map((text) => ({ file: '1_x.sql', line: 1, text })),
    NEVER,
    deadline,
  );

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  let server: DatabaseServer;
  let fixture: ServerFixture;
  let outside: string;
  const admin = async <T>(work: (client: pg.Client) => Promise<T>) => {
    const client = new pg.Client(server.url('postgres'));
    await client.connect();
    return work(client).finally(() => client.end());
  };
  /** Everything outside of a scratch database that a statement could change. */
  const world = () =>
    admin(async (client) => {
      const all = async (sql: string) => JSON.stringify((await client.query(sql)).rows);
      return [
        await fixture.content(),
        await all(
          'SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolconfig, p.rolpassword AS secret FROM pg_roles r JOIN LATERAL (SELECT a.rolpassword FROM pg_authid a WHERE a.oid = r.oid) p ON true ORDER BY 1',
        ),
        await all('SELECT roleid::regrole, member::regrole FROM pg_auth_members ORDER BY 1, 2'),
        await all('SELECT datname, datdba, datacl, datconnlimit FROM pg_database ORDER BY 1'),
        await all('SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting ORDER BY 1, 2'),
        await all('SELECT spcname FROM pg_tablespace ORDER BY 1'),
        await all('SELECT subname FROM pg_subscription'),
        await all("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bystander'"),
        await readFile(join(server.folder, 'data/postgresql.auto.conf'), 'utf8'),
        await readdir(outside),
      ];
    });

  beforeAll(async () => {
    server = await startPostgresql();
    fixture = await postgresqlFixture(server);
    outside = await mkdtemp(join(tmpdir(), 'rda-outside-'));
    await admin((client) =>
      client.query("CREATE ROLE victim LOGIN PASSWORD 'secret'; GRANT pg_monitor TO victim"),
    );
  });
  afterAll(async () => {
    await rm(outside, { recursive: true, force: true });
    await fixture?.end();
    await server?.stop();
  });

  const HOSTILE: [refused: boolean, sql: string][] = [
    [true, 'ALTER SYSTEM SET work_mem = 64'],
    [true, 'DROP ROLE victim'],
    [true, 'CREATE ROLE intruder SUPERUSER'],
    [true, "ALTER ROLE victim PASSWORD 'other'"],
    [true, 'ALTER ROLE victim SET work_mem = 64'],
    [true, 'GRANT admin TO victim'],
    [true, 'REASSIGN OWNED BY admin TO victim'],
    [true, 'DROP OWNED BY victim'],
    [true, 'CREATE DATABASE intruder'],
    [true, 'DROP DATABASE "the ""shop"" 1" WITH (FORCE)'],
    [true, 'ALTER DATABASE "the ""shop"" 1" SET work_mem = 64'],
    [true, 'ALTER DATABASE postgres RENAME TO gone'],
    [true, "CREATE TABLESPACE intruder LOCATION 'OUTSIDE'"],
    [true, "COPY (SELECT 1) TO PROGRAM 'touch OUTSIDE/a'"],
    [true, "COPY (SELECT 1) TO 'OUTSIDE/b'"],
    [true, "SELECT lo_export(lo_from_bytea(0, 'x'), 'OUTSIDE/c')"],
    [true, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bystander'"],
    [true, "LOAD 'auto_explain'"],
    [true, "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 dbname=postgres' PUBLICATION p"],
    [true, 'CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw'],
    [true, 'SET ROLE admin; ALTER SYSTEM SET work_mem = 64'],
    [false, 'CREATE EXTENSION dblink'],
    [false, "DO $$ BEGIN EXECUTE 'ALTER SYSTEM SET work_mem = 64'; END $$"],
    [false, 'DO $$ BEGIN DROP ROLE victim; END $$'],
    [false, "DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'touch OUTSIDE/d'); END $$"],
    [false, "DO $$ BEGIN PERFORM pg_read_file('/etc/passwd'); END $$"],
    [false, "DO $$ BEGIN PERFORM set_config('role', 'admin', false); DROP ROLE victim; END $$"],
    [
      false,
      "DO $$ BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bystander'; END $$",
    ],
    [true, 'SET SESSION AUTHORIZATION admin; DROP ROLE victim'],
    [true, 'RESET SESSION AUTHORIZATION; DROP ROLE victim'],
    [false, 'DROP TABLE public.keyless'],
    [false, 'DROP TABLE "the ""shop"" 1".public.keyless'],
    [false, 'DROP SCHEMA "Odd.Schema" CASCADE'],
  ];

  test('what reaches beyond the database is refused before anything is run', async () => {
    for (const [refused, sql] of HOSTILE) {
      const found = await plan('postgresql', sql.replaceAll('OUTSIDE', outside));
      expect(found.possible, sql).toBe(!refused);
    }
  });

  test('past that, the role alone keeps it out: nothing outside changes', async () => {
    const bystander = new pg.Client({
      connectionString: server.url('postgres'),
      application_name: 'bystander',
    });
    await bystander.connect();
    try {
      const before = await world();
      for (const [, sql] of HOSTILE) {
        const text = sql.replaceAll('OUTSIDE', outside);
        await expect(replay(fixture.database, [text]), sql).rejects.toMatchObject({ code: 'REPLAY_FAILED' });
        expect(await world(), sql).toEqual(before);
      }
    } finally {
      await bystander.end();
    }
  });

  test('a schema is made anew, by a role that is no superuser too; nothing is left', async () => {
    const before = await world();
    const sql = `CREATE TABLE a (id serial PRIMARY KEY, state text CHECK (state IN ('new', 'paid')));
      GRANT SELECT ON a TO victim; ALTER TABLE a OWNER TO admin; COMMENT ON TABLE a IS 'x';
      CREATE INDEX CONCURRENTLY by_state ON a (state);
      BEGIN; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; COMMIT;
      DO $$ BEGIN EXECUTE 'ALTER TABLE a ADD b int NOT NULL DEFAULT 3'; END $$; DROP SCHEMA IF EXISTS other;
      CREATE SCHEMA other; SET search_path = other; CREATE TABLE b (c int); CREATE EXTENSION hstore;`;
    const found = await plan('postgresql', sql);
    if (!found.possible) throw new Error(found.why.join());
    await admin((client) => client.query("CREATE ROLE deployer LOGIN CREATEDB CREATEROLE PASSWORD 'd'"));
    const as = { superuser: fixture.database, deployer: fixture.as({ user: 'deployer', password: 'd' }) };
    for (const [who, database] of Object.entries(as)) {
      const { catalog, unread } = await database.replay(found.statements, NEVER, NEVER);
      expect(unread, who).toEqual([]);
      expect([...catalog.tables.keys()], who).toEqual(['a', 'other.b']);
      expect([...(catalog.tables.get('a')?.columns.keys() ?? [])], who).toEqual(['id', 'state', 'b']);
      expect(catalog.objects.has('function f()'), who).toBe(true);
    }
    await admin((client) => client.query('DROP ROLE deployer'));
    expect(await world()).toEqual(before);
  });

  test('without the rights to make such a role nothing is replayed', async () => {
    await admin((client) => client.query("CREATE ROLE clerk LOGIN CREATEDB PASSWORD 'c'"));
    const refused = replay(fixture.as({ user: 'clerk', password: 'c' }), ['CREATE TABLE a (b int)']);
    await expect(refused).rejects.toMatchObject({
      code: 'REPLAY_REFUSED',
      fix: 'Let it: ALTER ROLE "clerk" CREATEROLE',
    });
  });

  test('a role that can’t be dropped is told, also where the replay fails', async () => {
    // Goes on once the role has a right on another database, which keeps it.
    const held = `DO $$ BEGIN
      WHILE NOT EXISTS (SELECT FROM pg_shdepend WHERE refobjid = current_user::regrole AND dbid = 0 AND deptype = 'a') LOOP
        PERFORM pg_sleep(0.02);
      END LOOP; END $$`;
    const holding = (more: string[]) =>
      admin(async (client) => {
        const running = replay(fixture.database, [held, ...more]).catch((error) => error);
        let role: string | undefined;
        while (role === undefined) {
          const { rows } = await client.query(
            `SELECT usename FROM pg_stat_activity WHERE usename ~ '^rollback_scratch_' AND query LIKE '%pg_shdepend%'`,
          );
          role = rows[0]?.usename;
        }
        await client.query(`GRANT CONNECT ON DATABASE postgres TO ${role}`);
        const error = await running;
        await client.query(`REVOKE CONNECT ON DATABASE postgres FROM ${role}`);
        return { role, error };
      });
    const { role, error } = await holding([]);
    expect(error).toMatchObject({
      code: 'SCRATCH_LEFT',
      detail: expect.stringContaining(
        `the role "${role}", could not be dropped: role "${role}" cannot be dropped`,
      ),
      fix: expect.stringContaining(`drop the role "${role}"`),
    });
    const failed = await holding(['SELECT gone']);
    expect(failed.error).toMatchObject({
      code: 'REPLAY_FAILED',
      detail: expect.stringMatching(/column "gone" does not exist.*could not be dropped/s),
    });
    // The next one drops what nothing holds any more.
    await replay(fixture.database, []);
    const left = await admin((client) =>
      client.query("SELECT FROM pg_roles WHERE rolname ~ '^rollback_scratch_'"),
    );
    expect(left.rowCount).toBe(0);
  });

  test('a deadline ends it, and what a process left that is gone is dropped by the next', async () => {
    const before = await world();
    const name = 'rollback_scratch_0123456789abcdef';
    await admin(async (client) => {
      await client.query(`CREATE ROLE ${name} LOGIN`);
      await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
    });
    const late = AbortSignal.timeout(300);
    await expect(replay(fixture.database, ['SELECT pg_sleep(600)'], late)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(await world()).toEqual(before);
  });
});

describe.skipIf(!HAS_MARIADB)('MariaDB', () => {
  let server: DatabaseServer;
  let fixture: ServerFixture;
  let outside: string;
  const admin = async <T>(work: (client: mysql.Connection) => Promise<T>) => {
    const { host, port, user, password } = server;
    const client = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
    return work(client).finally(() => client.end());
  };
  const world = () =>
    admin(async (client) => {
      const all = async (sql: string) => JSON.stringify((await client.query(sql))[0]);
      return [
        await fixture.content(),
        await all('SELECT User, Host, Priv FROM mysql.global_priv ORDER BY 1, 2'),
        await all('SELECT * FROM mysql.db ORDER BY 1, 2, 3'),
        await all('SHOW DATABASES'),
        await all(
          `SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', 'event_scheduler', 'read_only', 'general_log')`,
        ),
        await all('SELECT PLUGIN_NAME FROM information_schema.PLUGINS ORDER BY 1'),
        await all('SELECT EVENT_NAME FROM information_schema.EVENTS ORDER BY 1'),
        await readdir(outside),
      ];
    });

  beforeAll(async () => {
    server = await startMariadb({ 'log-bin': 'binlog', 'log-bin-trust-function-creators': '1' });
    fixture = await mariadbFixture(server);
    outside = await mkdtemp(join(tmpdir(), 'rda-outside-'));
    await admin((client) =>
      client.query("CREATE USER victim IDENTIFIED BY 'secret'; CREATE ROLE group_of_users"),
    );
  });
  afterAll(async () => {
    await rm(outside, { recursive: true, force: true });
    await fixture?.end();
    await server?.stop();
  });

  const HOSTILE: [refused: boolean, sql: string][] = [
    [true, 'USE `the-shop 1`'],
    [true, 'DROP TABLE `the-shop 1`.`keyless`'],
    [true, 'DELETE FROM `the-shop 1`.keyless'],
    [true, 'INSERT INTO `the-shop 1`.keyless VALUES (1, 2)'],
    [true, 'ALTER TABLE `the-shop 1`.nothing ADD y INT'],
    [true, 'CREATE TABLE copied AS SELECT * FROM `the-shop 1`.keyless'],
    [true, 'CREATE VIEW v AS SELECT * FROM `the-shop 1`.keyless'],
    [true, 'RENAME TABLE a TO `the-shop 1`.a'],
    [true, 'TRUNCATE TABLE `the-shop 1`.keyless'],
    [true, 'LOCK TABLES `the-shop 1`.keyless WRITE'],
    [true, 'CALL `the-shop 1`.p()'],
    [true, 'DROP DATABASE `the-shop 1`'],
    [true, 'CREATE DATABASE intruder'],
    [true, 'ALTER DATABASE `the-shop 1` CHARACTER SET utf8mb4'],
    [true, 'DROP USER victim'],
    [true, "CREATE USER intruder IDENTIFIED BY 'x'"],
    [true, "SET PASSWORD FOR victim = PASSWORD('other')"],
    [true, "ALTER USER victim IDENTIFIED BY 'other'"],
    [true, 'CREATE ROLE intruders'],
    [true, 'GRANT group_of_users TO victim'],
    [true, 'SET GLOBAL max_connections = 7'],
    [true, 'SET @@GLOBAL.max_connections = 7'],
    [true, '/*!50000 SET GLOBAL max_connections = 7 */'],
    [true, "INSTALL SONAME 'ha_archive'"],
    [true, "SELECT 1 INTO OUTFILE 'OUTSIDE/a'"],
    [true, "LOAD DATA INFILE '/etc/passwd' INTO TABLE a"],
    [true, 'FLUSH PRIVILEGES'],
    [true, 'SHUTDOWN'],
    [false, "EXECUTE IMMEDIATE 'DROP TABLE `the-shop 1`.`keyless`'"],
    [false, "BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'DROP USER victim'; END"],
    [false, "SELECT LOAD_FILE('/etc/passwd') + (SELECT 1 FROM mysql.user)"],
    [false, "EXECUTE IMMEDIATE 'SET GLOBAL max_connections = 7'"],
    [false, "EXECUTE IMMEDIATE 'GRANT ALL ON *.* TO victim'"],
  ];
  /** They look, and nothing more. */
  const SEEN = /LOAD_FILE/;

  test('what reaches beyond the database is refused before anything is run', async () => {
    for (const [refused, sql] of HOSTILE) {
      const found = await plan('mysql', sql.replaceAll('OUTSIDE', outside));
      if (!SEEN.test(sql)) expect(found.possible, sql).toBe(!refused);
    }
  });

  test('past that, the user alone keeps it out: nothing outside changes', async () => {
    const before = await world();
    for (const [, sql] of HOSTILE) {
      const texts = ['CREATE TABLE a (x TEXT)', sql.replaceAll('OUTSIDE', outside)];
      await expect(replay(fixture.database, texts), sql).rejects.toMatchObject({ code: 'REPLAY_FAILED' });
      expect(await world(), sql).toEqual(before);
    }
  });

  test('a schema is made anew, by a user who may do little else too; nothing is left', async () => {
    const before = await world();
    const sql = `CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, state ENUM('new', 'paid') NOT NULL);
      GRANT SELECT ON a TO victim; CREATE VIEW v AS SELECT id FROM a;
      DELIMITER //
      CREATE PROCEDURE p() BEGIN ALTER TABLE a ADD b INT NOT NULL DEFAULT 3; END//
      CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.state = 'new'; END//
      DELIMITER ;
      CALL p();`;
    const found = await plan('mysql', sql);
    if (!found.possible) throw new Error(found.why.join());
    const scratch = '`rollback\\_scratch\\_%`.*';
    await admin((client) =>
      client.query(`CREATE USER deployer IDENTIFIED BY 'd'; GRANT CREATE USER ON *.* TO deployer;
        GRANT ALL ON ${scratch} TO deployer WITH GRANT OPTION; GRANT SELECT ON ${'`the-shop 1`'}.* TO deployer`),
    );
    const as = { admin: fixture.database, deployer: fixture.as({ user: 'deployer', password: 'd' }) };
    for (const [who, database] of Object.entries(as)) {
      const { catalog, unread } = await database.replay(found.statements, NEVER, NEVER);
      expect(unread, who).toEqual([]);
      expect([...(catalog.tables.get('a')?.columns.keys() ?? [])], who).toEqual(['id', 'state', 'b']);
      expect(catalog.views.get('v')?.columns, who).toEqual(['id']);
      expect([...catalog.triggers.keys()], who).toEqual(['t']);
    }
    await admin((client) => client.query('DROP USER deployer'));
    expect(await world()).toEqual(before);
  });

  test('without the rights to make such a user nothing is replayed', async () => {
    await fixture.user('clerk', 'c', []);
    const refused = replay(fixture.as({ user: 'clerk', password: 'c' }), ['CREATE TABLE a (b int)']);
    await expect(refused).rejects.toMatchObject({
      code: 'REPLAY_REFUSED',
      fix: expect.stringContaining('GRANT CREATE USER ON *.* TO'),
    });
  });

  test('a deadline ends it, and what a process left that is gone is dropped by the next', async () => {
    const before = await world();
    await admin((client) =>
      client.query(
        `CREATE DATABASE rollback_scratch_0123456789abcdef; CREATE USER rollback_0123456789abcdef`,
      ),
    );
    const late = AbortSignal.timeout(300);
    await expect(replay(fixture.database, ['SELECT SLEEP(600)'], late)).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(await world()).toEqual(before);
  });
});

describe('SQLite', () => {
  let fixture: DatabaseFixture;
  let outside: string;
  beforeAll(async () => {
    fixture = await sqliteFixture();
    outside = await mkdtemp(join(tmpdir(), 'rda-outside-'));
  });
  afterAll(async () => {
    await rm(outside, { recursive: true, force: true });
    await fixture.end();
  });

  test('what reaches beyond the file is refused before anything is run, however it is hidden', async () => {
    for (const sql of [
      "ATTACH 'OUTSIDE/a.db' AS other",
      "/* x */ -- y\n ATTACH DATABASE 'OUTSIDE/a.db' AS other",
      "VACUUM INTO 'OUTSIDE/b.db'",
      "SELECT load_extension('OUTSIDE/c.so')",
      'PRAGMA writable_schema = ON',
      "PRAGMA temp_store_directory = 'OUTSIDE'",
      "CREATE VIRTUAL TABLE t USING csv(filename = '/etc/passwd')",
    ])
      expect(await plan('sqlite', sql.replaceAll('OUTSIDE', outside)), sql).toMatchObject({
        possible: false,
      });
  });

  test('a second statement in a text is not run', async () => {
    const before = await fixture.content();
    await replay(fixture.database, [
      `CREATE TABLE a (b); ATTACH '${join(outside, 'a.db')}' AS other`,
      `SELECT 1; VACUUM INTO '${join(outside, 'b.db')}'`,
    ]);
    expect(await readdir(outside)).toEqual([]);
    expect(await fixture.content()).toBe(before);
  });

  test('a schema is made anew; nothing is left', async () => {
    const sql = `PRAGMA foreign_keys = OFF; CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT); BEGIN;
      CREATE TABLE a2 (id INTEGER PRIMARY KEY, c TEXT); INSERT INTO a2 SELECT id, b FROM a; DROP TABLE a;
      ALTER TABLE a2 RENAME TO a; COMMIT; CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;
      VACUUM; CREATE VIRTUAL TABLE f USING fts5(body);`;
    const found = await plan('sqlite', sql);
    if (!found.possible) throw new Error(found.why.join());
    const { catalog } = await fixture.database.replay(found.statements, NEVER, NEVER);
    expect([...(catalog.tables.get('a')?.columns.keys() ?? [])]).toEqual(['id', 'c']);
    expect(
      (await readdir(tmpdir())).filter((name) => name.startsWith(`rollback-deploy-auto-${process.pid}-`)),
    ).toEqual([]);
  });
});
