import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Backup, SwapPlaces } from '../../src/adapters/database/database.ts';
import type { MysqlOptions } from '../../src/adapters/database/mysql/options.ts';
import { mysqlDatabase } from '../../src/adapters/database/mysql.ts';
import { cuttingProxy } from './cutting-proxy.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { NEVER } from './take-back-suite.ts';

const SQL = `CREATE TABLE customers (id int PRIMARY KEY, name text);
  CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, customer int, note text,
    CONSTRAINT placed FOREIGN KEY (customer) REFERENCES customers (id));
  CREATE SEQUENCE numbers START WITH 7; DO NEXTVAL(numbers);
  CREATE VIEW latest AS SELECT o.note, c.name FROM orders o JOIN customers c ON c.id = o.customer;
  CREATE FUNCTION twice(x int) RETURNS int DETERMINISTIC RETURN 2 * x;
  INSERT INTO customers VALUES (1, 'Ann'); INSERT INTO orders (customer, note) VALUES (1, 'kept')`;

describe.skipIf(!HAS_MARIADB)('putting a restored copy in the place of a MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());
  const create = async () => {
    const fixture = await mariadbFixture(server, SQL);
    const { host, port, user, password, database: name } = fixture.address;
    const address = { host, port, user, password, database: name };
    const client = await mysql.createConnection({ ...address, multipleStatements: true });
    client.on('error', () => {});
    const through = (to: number) =>
      mysqlDatabase({
        ...fixture.plainOptions,
        address: async () => ({ ...fixture.address, port: to, tls: 'disable' as const }),
      } as unknown as MysqlOptions);
    return {
      fixture,
      database: through(server.port),
      through,
      address,
      sql: async (text: string) => (await client.query(text))[0] as Record<string, unknown>[],
      async end() {
        await client.end();
        await fixture.end();
      },
    };
  };
  type Made = Awaited<ReturnType<typeof create>>;
  const backedUp = async ({ database }: Made): Promise<{ backup: Backup; places: SwapPlaces }> => {
    const backup = await database.backUp({ nowMs: Date.UTC(2026, 2, 15), signal: NEVER, progress() {} });
    return { backup, places: await database.swap.places('20260315_103200') };
  };
  const quoted = (name: string, table: string) => `\`${name}\`.${table}`;

  test('tables, keys and sequences are those of the backup; what is replaced is kept', async () => {
    const made = await create();
    const { database, fixture, sql } = made;
    const { backup, places } = await backedUp(made);
    const before = await fixture.content();
    await sql(
      `INSERT INTO customers VALUES (2, 'Bob'); UPDATE orders SET note = 'late'; CREATE TABLE since (id int)`,
    );
    expect(await database.swap.obstacles?.(NEVER)).toEqual([]);
    await database.swap.restore(backup, places, NEVER);
    expect(await database.swap.state(places, NEVER)).toBe('restored');
    await database.swap.swap(places, NEVER);
    await database.swap.tidy?.(places, NEVER);
    expect(await database.swap.state(places, NEVER)).toBe('swapped');
    expect(await fixture.content()).toBe(before);
    expect(await sql('SELECT name, note FROM latest')).toEqual([{ name: 'Ann', note: 'kept' }]);
    await expect(sql('INSERT INTO orders (customer) VALUES (2)')).rejects.toThrow('placed');
    await expect(sql('DELETE FROM customers')).rejects.toThrow('placed');
    expect(await sql(`SELECT note FROM ${quoted(places.kept, 'orders')}`)).toEqual([{ note: 'late' }]);
    await expect(sql(`INSERT INTO ${quoted(places.kept, 'orders')} (customer) VALUES (3)`)).rejects.toThrow(
      'placed',
    );
    await sql(`INSERT INTO ${quoted(places.kept, 'orders')} (customer) VALUES (2)`);
    expect(await fixture.places()).toEqual([places.kept]);
    await made.end();
  });

  test('who writes meanwhile never fails, and finds each row where it was written', async () => {
    const made = await create();
    const { backup, places } = await backedUp(made);
    await made.database.swap.restore(backup, places, NEVER);
    const pool = mysql.createPool({ ...made.address, connectionLimit: 4 });
    let over = false;
    let written = 0;
    const writers = [1, 2, 3, 4].map(async () => {
      while (!over) {
        await pool.query(`INSERT INTO orders (customer, note) VALUES (1, 'during')`);
        written++;
      }
    });
    const reach = async (count: number) => {
      while (written < count) await made.sql('SELECT 1');
    };
    await reach(20);
    await made.database.swap.swap(places, NEVER);
    await reach(written + 20);
    over = true;
    await Promise.all(writers);
    await pool.end();
    const count = async (from: string) =>
      Number((await made.sql(`SELECT count(*) AS n FROM ${from} WHERE note = 'during'`))[0]?.n);
    const [kept, now] = [await count(quoted(places.kept, 'orders')), await count('orders')];
    expect(kept).toBeGreaterThan(0);
    expect(now).toBeGreaterThan(0);
    expect(kept + now).toBe(written);
    await made.end();
  });

  test('cut off anywhere, it is the one database or the other', { timeout: 60_000 }, async () => {
    for (const of of [/^CREATE DATABASE IF/, /^RENAME/, /^DROP DATABASE/])
      for (const when of ['before', 'after'] as const) {
        const made = await create();
        const { backup, places } = await backedUp(made);
        await made.sql(`UPDATE orders SET note = 'late'`);
        await made.database.swap.restore(backup, places, NEVER);
        const proxy = await cuttingProxy(server.port, { at: 0, when, of });
        const there = made.through(proxy.port).swap;
        const cut = (async () => {
          await there.swap(places, NEVER);
          await there.tidy?.(places, NEVER);
        })();
        await expect(cut, `${of} ${when}`).rejects.toThrow();
        await proxy.close();
        const { swap } = made.database;
        // The server may still be at it.
        const [{ note }] = (await made.sql('SELECT note FROM orders')) as [{ note: string }];
        expect(['late', 'kept']).toContain(note);
        if ((await swap.state(places, NEVER)) === 'restored') await swap.swap(places, NEVER);
        await swap.tidy?.(places, NEVER);
        expect(await swap.state(places, NEVER)).toBe('swapped');
        expect(await made.sql('SELECT note FROM orders')).toEqual([{ note: 'kept' }]);
        expect(await made.sql(`SELECT note FROM ${quoted(places.kept, 'orders')}`)).toEqual([
          { note: 'late' },
        ]);
        expect(await made.fixture.places()).toEqual([places.kept]);
        await made.end();
      }
  });

  test('what can not be moved is refused, and nothing is changed', async () => {
    const made = await create();
    const { database, fixture, sql } = made;
    const { backup, places } = await backedUp(made);
    await sql('CREATE OR REPLACE VIEW latest AS SELECT note FROM orders; DROP FUNCTION twice');
    const before = await fixture.content();
    await expect(database.swap.restore(backup, places, NEVER)).rejects.toMatchObject({
      code: 'RESTORE_BY_HAND',
      detail: expect.stringMatching(
        /view latest is another in the backup\. function twice is in the backup alone\./,
      ),
    });
    await sql('CREATE TRIGGER stamp BEFORE INSERT ON orders FOR EACH ROW SET NEW.note = 1');
    expect(await database.swap.obstacles?.(NEVER)).toEqual([
      'A table with triggers can not be moved: stamp.',
    ]);
    await sql('DROP TRIGGER stamp');
    expect(await fixture.places()).toEqual([]);
    expect(await fixture.content()).toBe(before);
    await made.end();
  });

  test('a transaction that holds a table is waited for', { timeout: 30_000 }, async () => {
    const made = await create();
    const { backup, places } = await backedUp(made);
    await made.database.swap.restore(backup, places, NEVER);
    const other = await mysql.createConnection(made.address);
    await other.query('START TRANSACTION');
    await other.query(`UPDATE orders SET note = 'open'`);
    const swapping = made.database.swap.swap(places, NEVER);
    const waiting = () =>
      made.sql(`SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE 'RENAME TABLE%'`);
    while ((await waiting()).length === 0);
    await other.query('COMMIT');
    await other.end();
    await swapping;
    expect(await made.sql(`SELECT note FROM ${quoted(places.kept, 'orders')}`)).toEqual([{ note: 'open' }]);
    await made.end();
  });
});
