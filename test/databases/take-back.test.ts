import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TransactionalDatabase } from '../../src/adapters/database/database.ts';
import { isTransactional } from '../../src/adapters/database/database.ts';
import type { PostgresqlOptions } from '../../src/adapters/database/postgresql/options.ts';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import type { Down, Loss } from '../../src/model/reversal.ts';
import { statementsOf } from '../../src/schema-changes/statements-of.ts';
import { historyJudge } from '../../src/steps/history-judge.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SQL = `CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('1'), ('2');
  CREATE TABLE customers (id integer PRIMARY KEY);
  CREATE TABLE orders (id integer PRIMARY KEY, note text, customer integer REFERENCES customers (id));
  INSERT INTO customers VALUES (1); INSERT INTO orders VALUES (1, 'a', 1), (2, NULL, 1), (3, 'b', NULL);`;
const { history } = migrationSources.dbmate();
const NEVER = new AbortController().signal;

interface Place {
  database: TransactionalDatabase;
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Keeps writers and readers out of orders until the function that it returns is called. */
  lock(): Promise<() => Promise<void>>;
  end(): Promise<void>;
}

describe('sqlite', () => {
  suite(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-take-back-'));
    const path = join(folder, 'shop.db');
    const open = () => new Libsql(path);
    const first = open();
    first.exec(`PRAGMA journal_mode = WAL; ${SQL}`);
    const options = { path, label: 'shop.db', history, backupFolder: join(folder, 'backups'), keep: 2 };
    return {
      database: transactional(sqliteDatabase(options)),
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
  });

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
    const taking = takeBack(transactional(sqliteDatabase(options)), { sql: 'DELETE FROM customers' });
    await expect(taking).rejects.toMatchObject({
      code: 'DOWN_FAILED',
      detail: expect.stringContaining('2 rows refer'),
    });
    expect(db.prepare('SELECT count(*) AS n FROM customers').get()).toMatchObject({ n: 1 });
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
      database: transactional(postgresqlDatabase(options as unknown as PostgresqlOptions)),
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
  suite(create);

  test('one that is cut off in the middle leaves nothing behind', async () => {
    const place = await create();
    const leaving = new AbortController();
    const taking = takeBack(place.database, {
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

function suite(create: () => Promise<Place>): void {
  let place: Place;
  beforeEach(async () => {
    place = await create();
  });
  afterEach(() => place.end());
  const versions = async () =>
    (await place.sql('SELECT version FROM schema_migrations ORDER BY version')).map(({ version }) => version);

  test('the down and its row in the history go together', async () => {
    await takeBack(place.database, { sql: 'ALTER TABLE orders DROP COLUMN note;\n-- done\n' });
    expect(await versions()).toEqual(['1']);
    expect(await place.sql('SELECT * FROM orders WHERE id = 1')).toEqual([{ id: 1, customer: 1 }]);
  });

  test('what fails in the middle changes nothing', async () => {
    const taking = takeBack(place.database, {
      sql: 'ALTER TABLE orders DROP COLUMN note; DROP TABLE missing',
    });
    await expect(taking).rejects.toMatchObject({ code: 'DOWN_FAILED', retriable: false });
    expect(await versions()).toEqual(['1', '2']);
    expect(await place.sql('SELECT note FROM orders WHERE id = 1')).toEqual([{ note: 'a' }]);
  });

  test('a history that does not take the migration out changes nothing', async () => {
    const taking = takeBack(place.database, {
      sql: 'ALTER TABLE orders DROP COLUMN note',
      history: 'SELECT 1',
    });
    await expect(taking).rejects.toMatchObject({ code: 'DOWN_FAILED' });
    expect(await place.sql('SELECT note FROM orders WHERE id = 1')).toEqual([{ note: 'a' }]);
  });

  test('one that is not the newest, or was taken back, is left alone', async () => {
    await expect(takeBack(place.database, { version: '1', sql: 'DROP TABLE orders' })).rejects.toMatchObject({
      code: 'DOWN_NOT_NEXT',
      detail: 'The history has 2 as applied after it.',
    });
    await expect(takeBack(place.database, { version: '3', sql: 'DROP TABLE orders' })).rejects.toMatchObject({
      code: 'DOWN_NOT_NEXT',
      detail: 'The history has no applied 3.',
    });
    expect(await place.sql('SELECT id FROM orders')).toHaveLength(3);
  });

  test('a lock is waited for a moment, and had at another try', { timeout: 20_000 }, async () => {
    const unlock = await place.lock();
    const sql = 'ALTER TABLE orders DROP COLUMN note';
    await expect(takeBack(place.database, { sql })).rejects.toMatchObject({
      code: 'DOWN_LOCKED',
      retriable: true,
    });
    await unlock();
    await takeBack(place.database, { sql });
    expect(await versions()).toEqual(['1']);
  });

  test('on a copy of a backup it leaves the live database as it is', async () => {
    const backup = await place.database.backUp({
      nowMs: Date.UTC(2026, 2, 15),
      signal: NEVER,
      progress() {},
    });
    await place.database.withCopy(backup, NEVER, async (inside) => {
      await takeBack(place.database, { sql: 'DROP TABLE orders', inside });
      await expect(takeBack(place.database, { sql: 'DROP TABLE orders', inside })).rejects.toMatchObject({
        code: 'DOWN_NOT_NEXT',
      });
    });
    expect(await versions()).toEqual(['1', '2']);
    expect(await place.sql('SELECT id FROM orders')).toHaveLength(3);
  });

  test('losses are counted, and what can not be counted says why', async () => {
    const losses = [loss('column', 'note'), loss('table'), { ...loss('table'), name: 'gone', table: 'gone' }];
    const counted = await place.database.countLosses(losses, NEVER);
    expect(counted).toMatchObject([
      { rows: 3, values: 2, query: 'SELECT count(*) AS "rows", count("note") AS "values" FROM "orders"' },
      { rows: 3, query: 'SELECT count(*) AS "rows" FROM "orders"' },
      { rows: undefined, unknown: expect.stringContaining('gone') },
    ]);
  });
}

describe('a script in somebody else’s transaction', () => {
  test.each([
    ['BEGIN; DROP TABLE a; COMMIT;', 'DROP TABLE a', false],
    ['DROP TABLE a; -- last', 'DROP TABLE a', false],
    ['DROP TABLE a; COMMIT; DROP TABLE b', 'COMMIT', true],
    ['DROP INDEX CONCURRENTLY a', 'DROP INDEX', true],
  ])('%s', async (script, holds, controls) => {
    const made = await statementsOf(script, 'postgresql');
    expect(made.controls).toBe(controls);
    expect(made.sql).toContain(holds);
    expect(made.sql).not.toMatch(/BEGIN/);
  });
});

function takeBack(
  database: TransactionalDatabase,
  {
    version = '2',
    inside,
    signal = NEVER,
    ...down
  }: Partial<Down> & { inside?: string; signal?: AbortSignal },
): Promise<void> {
  const whole = {
    version,
    file: `${version}_change.sql`,
    sql: '',
    history: history.takeOut?.(version, '1', 'postgresql') ?? '',
    transaction: true,
    ...down,
  };
  const judge = historyJudge(history, version, ['1', '2']);
  return database.takeBack(whole, { judge, statementMs: 600_000, signal, ...(inside ? { inside } : {}) });
}

function loss(kind: Loss['kind'], column?: string): Loss {
  const name = column === undefined ? 'orders' : `orders.${column}`;
  const at = { version: '2', file: '2_change.sql', line: 1, statement: '' };
  return { name, kind, table: 'orders', ...(column === undefined ? {} : { column }), ...at };
}

function transactional(database: ReturnType<typeof sqliteDatabase>): TransactionalDatabase {
  if (!isTransactional(database)) throw new Error('It has no transactional DDL.');
  return database;
}
