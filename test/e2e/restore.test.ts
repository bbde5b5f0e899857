import { copyFile, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { databases } from '../../src/adapters/database/index.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import { SQL_ENGINES, type StartedEngine } from './sql-engines.ts';
import { createSqlRig, type SqlRig } from './sql-rig.ts';

const NEVER = new AbortController().signal;

describe.each(SQL_ENGINES)('restore on $name, by the built product', ({ name, installed }) => {
  const kind = SQL_ENGINES.find((one) => one.name === name) as (typeof SQL_ENGINES)[number];
  describe.skipIf(!installed)('of a proven backup', () => {
    let rig: SqlRig;
    let engine: StartedEngine;
    let backup: string;
    const own = name === 'sqlite' ? 'shop.db' : 'shop';
    const agreed = ['--accept', `data-loss:${own}`, '--reason', 'bad import'];
    const items = async () =>
      (await engine.sql('SELECT item FROM orders ORDER BY id', rig.folder)).map(({ item }) => item);

    beforeAll(async () => {
      engine = await kind.start();
      rig = await createSqlRig(engine);
      await engine.sql(`CREATE TABLE orders (${kind.key}, item text)`, rig.folder);
      await engine.sql(`INSERT INTO orders (item) VALUES ('tea'), ('milk')`, rig.folder);
      const database =
        name === 'sqlite'
          ? ({ kind: 'sqlite', path: 'shop.db' } as const)
          : name === 'mariadb'
            ? ({ kind: 'mysql', url: { env: 'SHOP_URL' } } as const)
            : ({ kind: 'postgresql', url: { env: 'SHOP_URL' } } as const);
      const { history } = migrationSources.dbmate();
      const configuration = { database, backup: { path: 'backups', keep: 5 } };
      await mkdir(join(rig.folder, 'backups'), { recursive: true });
      const secretKey = async () => {
        throw new Error('There is no cluster.');
      };
      const made = databases[database.kind]({
        secretKey,
        configuration,
        configFolder: rig.folder,
        stateDir: '',
        history,
      });
      backup = (await made.backUp({ nowMs: Date.UTC(2026, 2, 15), signal: NEVER, progress() {} })).name;
      if (name === 'sqlite') {
        // This process keeps the file open that it read; the product must find one that nobody has.
        const file = join(rig.folder, 'shop.db');
        await copyFile(file, `${file}.new`);
        await rename(`${file}.new`, file);
      }
    }, 60_000);
    afterAll(async () => {
      await rig?.close();
      await engine?.stop();
    });

    test('what was written since is counted, and nothing is done without consent by name', async () => {
      await engine.sql(`INSERT INTO orders (item) VALUES ('late')`, rig.folder);
      const refused = await rig.run(['restore']);
      expect(refused.code, refused.stderr).toBe(4);
      expect(refused.stderr).toMatch(/orders: 3 rows now, 2 rows in the backup/);
      expect(refused.stderr).toContain(`restore ${backup} --accept data-loss:${own} --reason TEXT`);
      expect((await rig.run(['restore', '--yes'])).code).toBe(2);
      expect((await rig.run(['restore', '--accept', 'data-loss:other', '--reason', 'x'])).code).toBe(4);
      expect((await rig.run(['restore', 'backup-20200101-000000.dump', ...agreed])).code).toBe(2);
      expect(await items()).toEqual(['tea', 'milk', 'late']);
    });

    test('the backup takes the place of the database, which is kept', async () => {
      const ran = await rig.run(['restore', backup, ...agreed, '--output', 'json']);
      expect(ran.code, ran.stderr).toBe(0);
      const record = JSON.parse(ran.stdout);
      expect(record).toMatchObject({ phase: 'done', backup, changes: [{ before: 2, now: 3 }] });
      expect(await items()).toEqual(['tea', 'milk']);
      expect(await kept(record.places.kept)).toEqual(['tea', 'milk', 'late']);
    });

    test('killed anywhere, it is one of the two; run again, it goes on', { timeout: 120_000 }, async () => {
      const ends = ['before 1', 'after 2'];
      const points = ['after 1', 'Restoring', 'Replacing', 'before 2'];
      for (const at of process.env.MATRIX === 'all' ? [...points, ...ends] : points) {
        await engine.sql(`INSERT INTO orders (item) VALUES ('${at}')`, rig.folder);
        const [when = '', write] = at.split(' ');
        const hook = write !== undefined;
        const env = hook ? { KILL_AT: write, KILL_WHEN: when, KILL_MATCH: 'restores/' } : {};
        const killed = await rig.run(['restore', backup, ...agreed], {
          hook,
          env: env as Record<string, string>,
          onOutput: (printed, pid) => {
            if (!hook && printed.includes(at)) end(pid);
          },
        });
        expect(killed.signal, `${at}\n${killed.stderr}`).toBe('SIGKILL');
        expect(
          [
            ['tea', 'milk'],
            ['tea', 'milk', at],
          ],
          at,
        ).toContainEqual(await items());
        const again = await rig.run(['restore', ...agreed]);
        expect(again.code, `${at}\n${again.stderr}`).toBe(0);
        expect(await items(), at).toEqual(['tea', 'milk']);
      }
    });

    test('destroyed and restored, everything is there again', async () => {
      await engine.sql('DROP TABLE orders', rig.folder);
      const refused = await rig.run(['restore']);
      expect([refused.code, refused.stderr]).toEqual([
        4,
        expect.stringContaining('orders: no table now, 2 rows in the backup'),
      ]);
      const ran = await rig.run(['restore', ...agreed]);
      expect(ran.code, ran.stderr).toBe(0);
      expect(await items()).toEqual(['tea', 'milk']);
      await engine.sql(`INSERT INTO orders (item) VALUES ('next')`, rig.folder);
      expect(await items()).toEqual(['tea', 'milk', 'next']);
      await engine.sql(`DELETE FROM orders WHERE item = 'next'`, rig.folder);
    });

    const onlySqlite = name === 'sqlite' ? test : () => {};
    onlySqlite('a file that is open is left alone', async () => {
      await engine.sql(`INSERT INTO orders (item) VALUES ('open')`, rig.folder);
      const { default: Database } = await import('libsql');
      const db = new Database(join(rig.folder, 'shop.db'));
      db.prepare('SELECT 1 FROM orders').all();
      const ran = await rig.run(['restore', ...agreed]);
      db.close();
      expect(ran.code).not.toBe(0);
      expect(ran.stderr).toContain(`Processes that have it open: ${process.pid}.`);
      expect(await items()).toEqual(['tea', 'milk', 'open']);
    });

    async function kept(place: string): Promise<unknown[]> {
      if (name === 'sqlite') {
        const { default: Database } = await import('libsql');
        const db = new Database(place);
        const rows = db.prepare('SELECT item FROM orders ORDER BY id').all() as { item: string }[];
        db.close();
        expect((await readdir(rig.folder)).some((file) => place.endsWith(file))).toBe(true);
        return rows.map(({ item }) => item);
      }
      if (name === 'mariadb')
        return (await engine.sql(`SELECT item FROM ${place}.orders ORDER BY id`, rig.folder)).map(
          ({ item }) => item,
        );
      const { default: pg } = await import('pg');
      const client = new pg.Client({ connectionString: process.env.SHOP_URL?.replace(/shop$/, place) });
      await client.connect();
      const { rows } = await client.query('SELECT item FROM orders ORDER BY id');
      await client.end();
      return rows.map(({ item }) => item);
    }
  });
});

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It printed more than once before it was gone.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
