import mysql from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MysqlOptions } from '../../src/adapters/database/mysql/options.ts';
import { PROGRESS } from '../../src/adapters/database/mysql/progress.ts';
import { mysqlDatabase } from '../../src/adapters/database/mysql.ts';
import { cuttingProxy } from './cutting-proxy.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture, ODD_SQL } from './mariadb-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { history, loss, NEVER, type Place, SQL, suite, takeBack } from './take-back-suite.ts';

interface MariadbPlace extends Place {
  /** Progress that is kept: how many statements took effect. */
  progress(): Promise<number | undefined>;
  /** Runs the down on a restored copy, and gives the schemas that it went through. */
  tried(sql: string): Promise<readonly string[]>;
  /** The same database, reached through another port. */
  through(port: number): Pick<Place, 'database' | 'engine'>;
}

describe.skipIf(!HAS_MARIADB)('mariadb', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());
  const create = async (sql = SQL): Promise<MariadbPlace> => {
    const fixture = await mariadbFixture(server, sql);
    const { host, port, user, password, database: name } = fixture.address;
    const open = async () => {
      const address = { host, port, user, password, database: name };
      const client = await mysql.createConnection({ ...address, multipleStatements: true });
      client.on('error', () => {});
      return client;
    };
    const options = { ...fixture.plainOptions, history, address: async () => fixture.address };
    const rows = async (text: string) => {
      const client = await open();
      return ((await client.query(text).finally(() => client.end()))[0] ?? []) as Record<string, unknown>[];
    };
    const database = mysqlDatabase(options as unknown as MysqlOptions);
    return {
      engine: 'mysql',
      database,
      sql: rows,
      async progress() {
        const found = await rows(`SHOW TABLES LIKE '${PROGRESS}'`);
        if (found.length === 0) return undefined;
        const [row] = await rows(`SELECT done FROM ${PROGRESS}`);
        return row === undefined ? undefined : Number(row.done);
      },
      async tried(text) {
        const backup = await database.backUp({
          nowMs: Date.UTC(2026, 2, 15),
          signal: NEVER,
          progress() {},
        });
        const taken = await database.withCopy(backup, NEVER, (inside) =>
          takeBack({ database, engine: 'mysql' }, { sql: text, inside }),
        );
        return taken.states ?? [];
      },
      through(port) {
        const address = async () => ({ ...fixture.address, port, tls: 'disable' as const });
        return {
          database: mysqlDatabase({ ...options, address } as unknown as MysqlOptions),
          engine: 'mysql',
        };
      },
      async lock() {
        const other = await open();
        await other.query('LOCK TABLES orders WRITE');
        return () => other.end();
      },
      async end() {
        await fixture.end();
      },
    };
  };
  suite(create, { atomic: false });

  const DOWN = `SET foreign_key_checks = 0; ALTER TABLE orders ADD COLUMN total int; UPDATE orders SET total = coalesce(total, 0) + 1;
    ALTER TABLE orders MODIFY total int NOT NULL; DROP VIEW IF EXISTS nothing_there; UPDATE orders SET total = total + 10`;

  test('the schema that a copy goes through is that of the database, whatever is in it', async () => {
    const place = await create(ODD_SQL.replace("('20260102'), ('20260101')", "('1'), ('2')"));
    const states = await place.tried('ALTER TABLE keyless ADD COLUMN note text; DROP TABLE nothing');
    expect(new Set(states).size).toBe(3);
    await takeBack(place, { sql: 'ALTER TABLE keyless ADD COLUMN note text; DROP TABLE nothing', states });
    expect(await place.sql('SELECT version FROM schema_migrations')).toEqual([{ version: '1' }]);
    expect(await place.progress()).toBeUndefined();
    await place.end();
  });

  test('a statement that fails leaves those before it, says so, and is gone on with', async () => {
    const place = await create();
    const sql = `ALTER TABLE orders ADD COLUMN total int; UPDATE orders SET total = 1; CREATE UNIQUE INDEX once ON orders (note(20))`;
    const states = await place.tried(sql);
    await place.sql(`INSERT INTO orders (id, note) VALUES (4, 'a')`);
    await expect(takeBack(place, { sql, states })).rejects.toMatchObject({
      code: 'DOWN_BETWEEN',
      retriable: false,
      detail: expect.stringMatching(
        /^The first 2 of its 3 statements took effect.* Statement 3 fails: Duplicate entry .* Next is: CREATE UNIQUE/,
      ),
    });
    expect(await place.sql('SELECT version FROM schema_migrations')).toHaveLength(2);
    await place.sql('DELETE FROM orders WHERE id = 4; UPDATE orders SET total = total + 1');
    // Another run backs up what is there now, and tries from there.
    expect(await place.tried(sql)).toEqual(states);
    await takeBack(place, { sql, states });
    expect(await place.sql('SELECT total FROM orders WHERE id = 1')).toEqual([{ total: 2 }]);
    expect(await place.progress()).toBeUndefined();
    await place.end();
  });

  test('the first that fails changes nothing, and leaves nothing behind', async () => {
    const place = await create();
    const sql = 'CREATE UNIQUE INDEX once ON orders (note(20)); ALTER TABLE orders ADD COLUMN total int';
    const states = await place.tried(sql);
    await place.sql(`INSERT INTO orders (id, note) VALUES (4, 'a')`);
    await expect(takeBack(place, { sql, states })).rejects.toMatchObject({ code: 'DOWN_FAILED' });
    expect(await place.progress()).toBeUndefined();
    expect(await place.sql('SELECT version FROM schema_migrations')).toHaveLength(2);
    await place.end();
  });

  test('a schema that is not the one of the trial is left alone, at the start and in the middle', async () => {
    const place = await create();
    const sql = 'ALTER TABLE orders ADD COLUMN total int; UPDATE orders SET total = 1';
    const states = await place.tried(sql);
    await place.sql('CREATE TABLE by_hand (id int)');
    await expect(takeBack(place, { sql, states })).rejects.toMatchObject({ code: 'DOWN_NOT_TRIED' });
    expect(await place.sql(`SHOW COLUMNS FROM orders LIKE 'total'`)).toEqual([]);
    await place.sql('DROP TABLE by_hand');
    const proxy = await cuttingProxy(server.port, { at: 4, when: 'before' });
    await expect(takeBack(place.through(proxy.port), { sql, states })).rejects.toThrow();
    await proxy.close();
    await place.sql('CREATE TABLE by_hand (id int)');
    const found = await untilFree(() => takeBack(place, { sql, states })).catch((error) => error);
    expect(found).toMatchObject({
      code: 'DOWN_BETWEEN',
      detail: expect.stringContaining('The first 1 of its 2 statements took effect'),
      fix: expect.stringContaining(`DELETE FROM ${PROGRESS} WHERE version = '2'`),
    });
    expect(await place.sql('SELECT count(total) AS n FROM orders')).toEqual([{ n: 0 }]);
    await place.end();
  });

  test('a server that is killed knows what took effect once it is back', { timeout: 60_000 }, async () => {
    const most = process.env.MATRIX === 'all' ? [/^UPDATE orders/, /^UPDATE rollback_deploy_auto/] : [];
    for (const of of [/^ALTER TABLE orders ADD/, /^COMMIT/, ...most]) {
      const place = await create();
      const states = await place.tried(DOWN);
      const proxy = await cuttingProxy(server.port, { at: 0, when: 'after', of });
      const taking = takeBack(place.through(proxy.port), { sql: DOWN, states });
      await expect(taking, `${of}`).rejects.toMatchObject({ code: 'DATABASE_UNREACHABLE', retriable: true });
      await proxy.close();
      await server.kill();
      await server.start();
      await untilFree(() => takeBack(place, { sql: DOWN, states }));
      expect(await place.sql('SELECT id, total FROM orders ORDER BY id'), `${of}`).toEqual(
        [1, 2, 3].map((id) => ({ id, total: 11 })),
      );
      await place.end();
    }
  });

  test('what leaves no trace in the schema fails in the trial', async () => {
    const place = await create();
    await expect(place.tried('ALTER TABLE orders ENGINE = InnoDB')).rejects.toMatchObject({
      code: 'DOWN_FAILED',
      detail: expect.stringContaining('is not seen in the schema'),
    });
    await place.end();
  });

  test('what can not be counted in time, or for a lock, says so; writers do not wait for it', {
    timeout: 30_000,
  }, async () => {
    const place = await create();
    const unlock = await place.lock();
    const [locked] = await place.database.countLosses([loss('column', 'note')], NEVER);
    await unlock();
    expect(locked).toMatchObject({ rows: undefined, unknown: expect.stringContaining('Lock wait timeout') });
    await place.sql(
      'CREATE VIEW slow AS SELECT id, NULLIF(SLEEP(id), 5) AS x FROM orders; INSERT INTO orders (id) VALUES (60)',
    );
    let over = false;
    const counting = place.database
      .countLosses([{ ...loss('column', 'x'), name: 'slow.x', table: 'slow' }], NEVER)
      .finally(() => {
        over = true;
      });
    const running = () =>
      place.sql(`SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT count(*)%slow%'`);
    while (!over && (await running()).length === 0);
    await place.sql(
      `INSERT INTO orders (id, note) VALUES (5, 'written'); UPDATE orders SET note = 'too' WHERE id = 1`,
    );
    expect(over).toBe(false);
    const [late] = await counting;
    expect(late).toMatchObject({ rows: undefined, unknown: expect.stringContaining('max_statement_time') });
    expect(late?.query).toBe('SELECT count(*) AS `rows`, count(`x`) AS `values` FROM `slow`');
    await place.end();
  });

  test('cut off anywhere, it goes on with the next statement', { timeout: 300_000 }, async () => {
    const first = await create();
    const states = await first.tried(DOWN);
    expect(states).toHaveLength(6);
    const uncut = await cuttingProxy(server.port);
    await takeBack(first.through(uncut.port), { sql: DOWN, states });
    await uncut.close();
    await first.end();
    const { statements } = uncut;
    expect(statements.length).toBeGreaterThan(15);
    const points = statements.flatMap((_, at) =>
      (['before', 'after'] as const).map((when) => ({ at, when })),
    );
    const whole = process.env.MATRIX === 'all';
    for (const cut of points.filter(
      ({ at }, i) => whole || i % 3 === 0 || /^alter/i.test(statements[at] ?? ''),
    )) {
      const about = `${cut.when} ${cut.at}: ${statements[cut.at]}`;
      const place = await create();
      const proxy = await cuttingProxy(server.port, cut);
      const cutOff = await takeBack(place.through(proxy.port), { sql: DOWN, states }).catch((error) => error);
      await proxy.close();
      // What comes after the history is told by nobody.
      if (!statements[cut.at]?.startsWith('DROP TABLE rollback'))
        expect(cutOff, about).toMatchObject({ code: 'DATABASE_UNREACHABLE', retriable: true });
      const versions = () => place.sql('SELECT version FROM schema_migrations ORDER BY 1');
      if ((await versions()).length === 2) await untilFree(() => takeBack(place, { sql: DOWN, states }));
      expect(await place.sql('SELECT id, total FROM orders ORDER BY id'), about).toEqual(
        [1, 2, 3].map((id) => ({ id, total: 11 })),
      );
      expect(await versions(), about).toEqual([{ version: '1' }]);
      await place.end();
    }
  });
});

/** The session that was cut off may still run its statement. */
async function untilFree(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const error = await work().then(
      () => undefined,
      (thrown) => thrown,
    );
    if (!error) return;
    if (error.code !== 'DOWN_LOCKED') throw error;
  }
}
