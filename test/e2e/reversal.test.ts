import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cuttingProxy } from '../databases/cutting-proxy.ts';
import { GOOD } from './row.ts';
import { SQL_ENGINES, type StartedEngine } from './sql-engines.ts';
import { createSqlRig, type SqlMigration, type SqlRelease, type SqlRig } from './sql-rig.ts';

const BAD = 'v2.14.4';

describe.each(SQL_ENGINES)('going back over a destructive migration on $name', (engine) => {
  describe.skipIf(!engine.installed)('with an application that works with it', () => {
    let rig: SqlRig;
    let database: StartedEngine;
    const first: SqlMigration = {
      version: '20260101000000',
      up: `CREATE TABLE orders (${engine.key}, item text, legacy text); CREATE TABLE audit (what text)`,
      down: 'DROP TABLE audit; DROP TABLE orders',
    };
    const good: SqlRelease = {
      version: GOOD,
      migrations: [first],
      statements: [
        `INSERT INTO orders (item, legacy) VALUES ('tea', 'x')`,
        'SELECT id, item, legacy FROM orders ORDER BY id DESC LIMIT 1',
      ],
    };
    const bad = (migration: Omit<SqlMigration, 'version'>, columns = ['item']): SqlRelease => ({
      version: BAD,
      migrations: [first, { version: '20260310000000', ...migration }],
      statements: [
        `INSERT INTO orders (${columns.join(', ')}) VALUES (${columns.map(() => `'tea'`).join(', ')})`,
        `SELECT id, ${columns.join(', ')} FROM orders ORDER BY id DESC LIMIT 1`,
      ],
    });
    const columns = async () => (await database.sql(engine.columns, rig.folder)).map(({ name }) => name);
    const applied = async () =>
      (await database.sql('SELECT version FROM schema_migrations ORDER BY 1', rig.folder)).map(
        ({ version }) => version,
      );
    /** Back at the schema of the good release. */
    const reset = async (sql: string) => {
      await database.sql(
        `${sql}; DELETE FROM schema_migrations WHERE version > '${first.version}'`,
        rig.folder,
      );
    };

    beforeAll(async () => {
      database = await engine.start();
      rig = await createSqlRig(database);
      await database.sql('CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)', rig.folder);
      await rig.release(good);
      const load = rig.load(200);
      await load.started;
      await rig.waitForEvidence(GOOD, 60);
      await load.stop();
    }, 60_000);
    afterAll(async () => {
      await rig?.close();
      await database?.stop();
    });

    test('it is refused with what it would lose, and then taken back under load', async () => {
      await rig.release(
        bad({
          up: 'ALTER TABLE orders DROP COLUMN legacy',
          down: 'ALTER TABLE orders ADD COLUMN legacy text',
        }),
      );
      const refused = await rig.run(['--version', GOOD, '--reason', 'orders fail']);
      expect(refused.code, refused.stdout + refused.stderr).toBe(4);
      expect(refused.stderr).toContain('drop-column: data destroyed');
      expect(refused.stderr).toContain('add --reverse-migrations');
      expect(refused.stdout + refused.stderr).toMatch(/2 of 2 queries of v2\.14\.3 fail on the live schema/);
      expect(await applied()).toEqual(['20260101000000', '20260310000000']);

      const load = rig.load(100);
      await load.started;
      const back = ['--version', GOOD, '--reverse-migrations', '--reason', 'orders fail'];
      const ran = await rig.run([...back, '--output', 'json']);
      const report = await load.stop();
      expect(report.failed, report.failures.join('\n')).toBe(0);
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      const record = JSON.parse(ran.stdout);
      expect(record.reversal.takenBack).toMatchObject([{ version: '20260310000000' }]);
      const said = record.checks.map(({ status, title }: Record<string, string>) => `${status} ${title}`);
      expect(said.join('\n')).toMatch(/ok Taking back 1 migration works on the restored copy of backup-/);
      expect(said.join('\n')).toMatch(
        /ok The downs bring back the schema of the target on the restored copy/,
      );
      const piecemeal = record.checks.filter(({ evidence }: { evidence: string[] }) =>
        evidence.some((line) => line.includes('commits each statement by itself, 1 in all')),
      );
      expect(piecemeal).toHaveLength(engine.name === 'mariadb' ? 1 : 0);
      expect(await applied()).toEqual(['20260101000000']);
      expect(await columns()).toContain('legacy');
      expect((await rig.status()).current.version).toBe(GOOD);
    });

    test('a down that the serving release can not work with is refused; nothing is changed', async () => {
      await rig.release(
        bad(
          {
            up: `ALTER TABLE orders ADD COLUMN note text; ALTER TABLE orders DROP COLUMN legacy`,
            down: `ALTER TABLE orders ADD COLUMN legacy text; ALTER TABLE orders DROP COLUMN note`,
          },
          ['item', 'note'],
        ),
      );
      await database.sql(`INSERT INTO orders (item, note) VALUES ('x', 'kept')`, rig.folder);
      const load = rig.load(50);
      await load.started;
      const ran = await rig.run([
        '--version',
        GOOD,
        '--reverse-migrations',
        '--yes',
        '--reason',
        'orders fail',
      ]);
      expect((await load.stop()).failed).toBe(0);
      expect(ran.code, ran.stdout + ran.stderr).toBe(4);
      expect(ran.stderr).toContain(`Taking back 1 migration is not possible while ${BAD} serves.`);
      expect(ran.stderr).toContain('--write-reversal');
      expect(ran.stderr).not.toContain('To go ahead all the same');
      expect(await columns()).toContain('note');
      expect(await applied()).toEqual(['20260101000000', '20260310000000']);
      await reset('ALTER TABLE orders DROP COLUMN note; ALTER TABLE orders ADD COLUMN legacy text');
    });

    test('downs after which the schema lacks something are not run, nor one that reaches beyond the database', async () => {
      const down = 'ALTER TABLE orders ADD COLUMN legacy text';
      const back = ['--version', GOOD, '--reverse-migrations', '--reason', 'orders fail'];
      const beyond =
        engine.name === 'sqlite' ? 'PRAGMA writable_schema = 1' : 'DROP ROLE IF EXISTS nobody_there';
      const up = 'ALTER TABLE orders DROP COLUMN legacy';
      await rig.release(bad({ up, down: `${down}; ${beyond}` }));
      const refused = await rig.run(back);
      expect([refused.code, refused.stderr]).toEqual([
        4,
        expect.stringMatching(/the down, line \d+: .* reaches /),
      ]);
      await reset(down);

      await rig.release(bad({ up, down }));
      const untried = await rig.run([...back, '--accept', 'backup']);
      expect([untried.code, untried.stderr]).toEqual([
        4,
        expect.stringContaining('No backup is to be taken that could be restored now'),
      ]);
      // By hand, and in no migration.
      await database.sql('DROP TABLE audit', rig.folder);
      const ran = await rig.run(back);
      expect([ran.code, ran.stdout + ran.stderr]).toEqual([
        4,
        expect.stringContaining('does not bring back the schema of the target'),
      ]);
      expect(ran.stdout + ran.stderr).toContain('table audit: missing');
      expect(await columns()).not.toContain('legacy');
      expect(await applied()).toEqual(['20260101000000', '20260310000000']);
      await reset(`${down}; CREATE TABLE audit (what text)`);
    });

    test('what a down loses is counted, and agreed to by its name; --yes does not do', async () => {
      await rig.release(
        bad({
          up: `ALTER TABLE orders DROP COLUMN legacy`,
          down: `ALTER TABLE orders ADD COLUMN legacy text; DELETE FROM orders WHERE item = 'none'`,
        }),
      );
      const back = ['--version', GOOD, '--reverse-migrations', '--reason', 'orders fail'];
      const refused = await rig.run([...back, '--yes', '--output', 'json']);
      expect(refused.code, refused.stdout + refused.stderr).toBe(4);
      const plan = JSON.parse(refused.stdout);
      const quote = engine.name === 'mariadb' ? '`' : '"';
      const query = 'SELECT count(*) AS "rows" FROM "orders"'.replaceAll('"', quote);
      const [{ n }] = (await database.sql('SELECT count(*) AS n FROM orders', rig.folder)) as [
        { n: unknown },
      ];
      expect(plan.reversal.losses).toMatchObject([{ name: 'orders', kind: 'rows', rows: Number(n), query }]);
      expect(plan.error.detail).toContain(`rows of orders: up to ${n} rows`);
      expect(plan.error.fix).toContain('--accept data-loss:orders --reason TEXT');
      expect(await applied()).toEqual(['20260101000000', '20260310000000']);
      const load = rig.load(100);
      await load.started;
      const ran = await rig.run([...back, '--accept', 'data-loss:orders']);
      expect((await load.stop()).failed).toBe(0);
      expect(ran.code, ran.stdout + ran.stderr).toBe(0);
      expect(await applied()).toEqual(['20260101000000']);
    });

    // Where all of a down is one transaction, test/crash/kill-reversal.test.ts has all there is.
    const onMariadb = engine.name === 'mariadb' ? test : () => {};
    onMariadb('killed in the middle of a down: resume goes on, and abort finishes it', async () => {
      const down = `ALTER TABLE orders ADD COLUMN legacy text; UPDATE orders SET legacy = 'back'; ALTER TABLE orders ADD INDEX (item(9))`;
      const url = new URL(process.env.SHOP_URL ?? '');
      for (const goOnBy of ['resume', 'abort']) {
        await rig.release(bad({ up: 'ALTER TABLE orders DROP COLUMN legacy', down }));
        // The first is the trial's.
        const cut = {
          at: 1,
          when: goOnBy === 'resume' ? 'before' : 'after',
          of: /^UPDATE orders SET/,
        } as const;
        const proxy = await cuttingProxy(Number(url.port), cut);
        const through = new URL(url);
        through.port = String(proxy.port);
        const load = rig.load(50);
        await load.started;
        const back = ['--version', GOOD, '--reverse-migrations', '--reason', 'orders fail'];
        let ended = false;
        const killed = await rig.run(back, {
          env: { SHOP_URL: through.href },
          onOutput: (_, pid) => {
            if (!proxy.over() || ended) return;
            ended = true;
            process.kill(pid, 'SIGKILL');
          },
        });
        await proxy.close();
        expect(killed.signal, killed.stdout + killed.stderr).toBe('SIGKILL');
        expect(await columns()).toContain('legacy');
        expect(await applied()).toEqual(['20260101000000', '20260310000000']);
        const second = await rig.run([goOnBy, '--yes']);
        const report = await load.stop();
        expect(report.failed, report.failures.join('\n')).toBe(0);
        expect(second.code, second.stdout + second.stderr).toBe(0);
        expect(await applied()).toEqual(['20260101000000']);
        const [{ n }] = (await database.sql(
          `SELECT count(*) AS n FROM information_schema.STATISTICS WHERE table_schema = 'shop' AND index_name = 'item'`,
          rig.folder,
        )) as [{ n: unknown }];
        expect(Number(n)).toBe(1);
        expect((await rig.status()).current.version).toBe(goOnBy === 'resume' ? GOOD : BAD);
        const record = JSON.parse((await rig.ok(['show', 'last', '--output', 'json'])).stdout);
        expect(record.reversal.takenBack).toMatchObject([{ version: '20260310000000' }]);
        await reset('ALTER TABLE orders DROP INDEX item');
      }
    });
  });
});
