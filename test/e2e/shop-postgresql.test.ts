import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLoad } from '../../examples/load/load.mjs';
import { assembleShop } from '../../examples/shop/assemble.mjs';
import { createRig, type Rig } from './rig.ts';
import { GOOD } from './row.ts';
import { SQL_ENGINES, type StartedEngine } from './sql-engines.ts';

const engine = SQL_ENGINES.find(({ name }) => name === 'postgresql');

describe.skipIf(!engine?.installed)('the demo shop on PostgreSQL', () => {
  let rig: Rig;
  let database: StartedEngine;

  const deploy = async (version: string, release: string) => {
    const from = join(rig.folder, version);
    await assembleShop(from, release, { database: 'postgresql', version });
    await rig.ok(['local', 'deploy', version, '--from', from, '--entrypoint', 'node server.mjs']);
  };
  const shoppers = async () => {
    const load = startLoad({ url: rig.url, rate: 100 });
    await load.started;
    return load;
  };
  const value = async (sql: string) => Object.values((await database.sql(sql, rig.folder))[0] ?? {})[0];
  const applied = () => value(`SELECT string_agg(version, ' ' ORDER BY version) FROM schema_migrations`);
  const orders = async () => Number(await value('SELECT count(*) FROM orders'));
  const back = ['--version', GOOD, '--reason', 'checkout fails'];

  beforeAll(async () => {
    database = (await engine?.start()) as StartedEngine;
    rig = await createRig({ extra: `    database:\n${database.section}    backup:\n      path: backups\n` });
    await rig.configure((text) =>
      text.replace('    configuration:\n', '$&      secrets:\n        DATABASE_URL: { env: SHOP_URL }\n'),
    );
    await deploy(GOOD, 'v2.14.3');
    const load = await shoppers();
    await rig.waitForEvidence(GOOD, 60);
    expect((await load.stop()).failed).toBe(0);
  });
  afterAll(async () => {
    await rig?.close();
    await database?.stop();
  });

  test('a destructive span is refused with evidence; taking it back, the rollback loses no request', async () => {
    await deploy('v2.14.4', 'v2.14.4-destructive');
    const load = await shoppers();
    const refused = await rig.run(back);
    expect(refused.code, refused.stdout + refused.stderr).toBe(4);
    for (const line of [
      '[FAIL] 1 destructive migration between v2.14.3 and v2.14.4',
      'db/migrations/20260310140000_drop_created_at.sql:2: ALTER TABLE orders DROP COLUMN created_at (drop-column: data destroyed).',
      'The live schema was compared with that of v2.14.3, made anew from its migrations',
      'Reverse migration: add --reverse-migrations',
    ])
      expect(refused.stdout).toContain(line);
    expect(await applied()).toBe('20260110090000 20260110090100 20260310140000');
    expect((await load.snapshot()).versions).not.toHaveProperty([GOOD]);

    const ran = await rig.run([...back, '--reverse-migrations']);
    const taken = await orders();
    const report = await load.stop();
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(report.failed, report.failures.join('\n')).toBe(0);
    expect(report.versions[GOOD]?.answered).toBeGreaterThan(0);
    expect(ran.stdout).toMatch(/\[OK\] Taking back 1 migration works on the restored copy of backup-/);
    expect(await applied()).toBe('20260110090000 20260110090100');
    expect(taken).toBeGreaterThan(0);
    expect((await rig.status()).traffic.serving).toEqual([{ version: GOOD, instances: 3 }]);
  });

  test('over a safe span it goes back, and the schema stays', async () => {
    await deploy('v2.14.5', 'v2.14.4');
    const load = await shoppers();
    const before = await orders();
    const ran = await rig.run(back);
    const report = await load.stop();
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(report.failed, report.failures.join('\n')).toBe(0);
    expect(report.versions[GOOD]?.answered).toBeGreaterThan(0);
    expect(ran.stdout).toContain('[OK] No destructive database migrations between versions');
    expect(ran.stdout).toMatch(/\[OK\] Database backup completed: backup-/);
    expect(await applied()).toBe('20260110090000 20260110090100 20260310140000');
    expect(await orders()).toBeGreaterThan(before);
    expect((await rig.status()).traffic.serving).toEqual([{ version: GOOD, instances: 3 }]);
  });
});
