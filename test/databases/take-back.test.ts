import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Libsql from 'libsql';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresqlOptions } from '../../src/adapters/database/postgresql/options.ts';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import { scriptOf } from '../../src/model/reversal.ts';
import { statementsOf } from '../../src/schema-changes/statements-of.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { history, loss, NEVER, type Place, SQL, suite, takeBack } from './take-back-suite.ts';

describe('sqlite', () => {
  suite(
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'rda-take-back-'));
      const path = join(folder, 'shop.db');
      const open = () => new Libsql(path);
      const first = open();
      first.exec(`PRAGMA journal_mode = WAL; ${SQL}`);
      const options = { path, label: 'shop.db', history, backupFolder: join(folder, 'backups'), keep: 2 };
      return {
        engine: 'sqlite',
        database: sqliteDatabase(options),
        async sql(text) {
          if (/^SELECT/.test(text)) return first.prepare(text).all() as Record<string, unknown>[];
          first.exec(text);
          return [];
        },
        async lock() {
          const other = open();
          other.exec('BEGIN IMMEDIATE');
          return async () => {
            other.exec('ROLLBACK');
            other.close();
          };
        },
        async end() {
          first.close();
          await rm(folder, { recursive: true });
        },
      };
    },
    { atomic: true },
  );

  test('rows that would refer to nothing any more stop it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-take-back-'));
    const db = new Libsql(join(folder, 'shop.db'));
    db.exec(SQL);
    const options = {
      path: join(folder, 'shop.db'),
      label: 'shop.db',
      history,
      backupFolder: folder,
      keep: 2,
    };
    const taking = takeBack(
      { database: sqliteDatabase(options), engine: 'sqlite' },
      { sql: 'DELETE FROM customers' },
    );
    await expect(taking).rejects.toMatchObject({
      code: 'DOWN_FAILED',
      detail: expect.stringContaining('2 rows refer'),
    });
    expect(db.prepare('SELECT count(*) AS n FROM customers').get()).toMatchObject({ n: 1 });
    db.close();
    await rm(folder, { recursive: true });
  });
});

describe('sqlite, while a down takes long', () => {
  test('other work goes on, and one that is left meanwhile is not committed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-take-back-'));
    const path = join(folder, 'shop.db');
    const db = new Libsql(path);
    db.exec(`PRAGMA journal_mode = WAL; ${SQL}`);
    const locked = () => {
      try {
        db.exec('BEGIN IMMEDIATE; ROLLBACK');
        return false;
      } catch {
        return true;
      }
    };
    const options = { path, label: 'shop.db', history, backupFolder: folder, keep: 2 };
    const leaving = new AbortController();
    const taking = takeBack(
      { database: sqliteDatabase(options), engine: 'sqlite' },
      {
        sql: `DROP TABLE orders; CREATE TABLE numbers AS
        WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5000000) SELECT x FROM c`,
        signal: leaving.signal,
      },
    );
    let over = false;
    const outcome = taking.then(() => undefined).catch((error: Error) => error);
    outcome.finally(() => {
      over = true;
    });
    let turns = 0;
    while (!over && turns < 50) {
      await wait(1);
      if (locked()) turns++;
    }
    leaving.abort(new Error('left'));
    expect(await outcome).toMatchObject({ message: 'left' });
    expect(turns).toBe(50);
    expect(locked()).toBe(false);
    expect(db.prepare('SELECT note FROM orders WHERE id = 1').get()).toMatchObject({ note: 'a' });
    expect(db.prepare('SELECT version FROM schema_migrations').all()).toHaveLength(2);
    db.close();
    await rm(folder, { recursive: true });
  });
});

describe.skipIf(!HAS_POSTGRESQL)('postgresql', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  const create = async (): Promise<Place> => {
    const fixture = await postgresqlFixture(server, SQL);
    const { host, port, user, password, database: name } = fixture.address;
    const open = async () => {
      const client = new pg.Client({ host, port, user, password, database: name });
      client.on('error', () => {});
      await client.connect();
      return client;
    };
    const first = await open();
    const options = { ...fixture.plainOptions, history, address: async () => fixture.address };
    return {
      engine: 'postgresql',
      database: postgresqlDatabase(options as unknown as PostgresqlOptions),
      sql: async (text) => (await first.query(text)).rows,
      async lock() {
        const other = await open();
        await other.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
        return () => other.end();
      },
      async end() {
        await first.end();
        await fixture.end();
      },
    };
  };
  suite(create, { atomic: true });

  test('one that is cut off in the middle leaves nothing behind', async () => {
    const place = await create();
    const leaving = new AbortController();
    const taking = takeBack(place, {
      sql: 'ALTER TABLE orders DROP COLUMN note; SELECT pg_sleep(600)',
      signal: leaving.signal,
    });
    taking.catch(() => {});
    const running = () =>
      place.sql(
        `SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()`,
      );
    while ((await running()).length === 0);
    leaving.abort(new Error('left'));
    await expect(taking).rejects.toThrow('left');
    while ((await running()).length > 0);
    expect(await place.sql('SELECT note FROM orders WHERE id = 1')).toEqual([{ note: 'a' }]);
    expect(await place.sql('SELECT version FROM schema_migrations')).toHaveLength(2);
    await place.end();
  });

  test('what can not be counted in time, or for a lock, says so', async () => {
    const place = await create();
    const unlock = await place.lock();
    const [locked] = await place.database.countLosses([loss('column', 'note')], NEVER);
    await unlock();
    expect(locked).toMatchObject({ rows: undefined, unknown: expect.stringContaining('lock timeout') });
    await place.end();
  });
});

describe('a script in somebody else’s transaction', () => {
  test.each([
    ['BEGIN; DROP TABLE a; COMMIT;', 'DROP TABLE a', false],
    ['DROP TABLE a; -- last', 'DROP TABLE a', false],
    ['DROP TABLE a; COMMIT; DROP TABLE b', 'COMMIT', true],
    ['DROP INDEX CONCURRENTLY a', 'DROP INDEX', true],
  ])('%s', async (script, holds, controls) => {
    const made = await statementsOf(script, 'postgresql');
    expect(made.controls).toBe(controls);
    expect(scriptOf(made)).toContain(holds);
    expect(scriptOf(made)).not.toMatch(/BEGIN/);
  });
});
