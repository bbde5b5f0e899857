import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLoad } from '../../examples/load/load.mjs';
import { assembleShop } from '../../examples/shop/assemble.mjs';
import { SQL_ENGINES, type StartedEngine } from '../e2e/sql-engines.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

const postgresql = SQL_ENGINES.find(({ name }) => name === 'postgresql');

describe.skipIf(!hasCluster || !postgresql?.installed)('the demo shop on a cluster, with PostgreSQL', () => {
  let rig: KubernetesRig;
  let database: StartedEngine;
  let folder: string;

  beforeAll(async () => {
    // The server's account reads in it.
    folder = await mkdtemp(join(tmpdir(), 'rda-reversal-'));
    const hba = join(folder, 'pg_hba.conf');
    await writeFile(hba, 'host all all all scram-sha-256\n');
    await chmod(folder, 0o755);
    // Pods come from addresses of their own to that of their node.
    database = (await postgresql?.start({ listen_addresses: '0.0.0.0', hba_file: hba })) as StartedEngine;
    rig = await kubernetesRig({
      image: {
        repository: 'rda-test/shop',
        application: (tag, into) =>
          assembleShop(into, tag === 'v2.14.4' ? 'v2.14.4-destructive' : tag, { database: 'postgresql' }),
      },
      env: {
        HOST: '0.0.0.0',
        PORT: '8080',
        DATABASE_URL: database.database(folder).replace('127.0.0.1', '$(HOST_IP)'),
      },
    });
    await writeFile(
      join(folder, 'rollback.yaml'),
      `services:
  shop:
    platform: { kind: kubernetes, namespace: ${rig.namespace}, workloads: [${rig.target}] }
    registry: { kind: distribution }
    database:
${database.section}      migrations: { path: db/migrations }
    backup: { path: backups }
`,
    );
  });
  afterAll(async () => {
    await rig?.dispose();
    await database?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const applied = async () =>
    (await database.sql('SELECT version FROM schema_migrations ORDER BY version', folder)).map(
      ({ version }) => version,
    );
  const images = async () =>
    (await rig.list('pods', '-l', 'app=api')).map(({ spec }) =>
      (spec as { containers: { image: string }[] }).containers[0]?.image.split(':').at(-1),
    );

  it('refuses a destructive span, then takes it back with the rollback and loses no request', async () => {
    const back = ['--version', 'v2.14.3', '--monitor', '0', '--reason', 'checkout fails'];
    const load = startLoad({ url: rig.url, rate: 100, newConnections: 1 });
    await load.started;
    const refused = await rig.rda(back, { cwd: folder });
    expect([refused.exit, refused.stderr]).toEqual([4, expect.stringContaining('refused by migrations')]);
    expect(refused.stdout).toContain('[FAIL] 1 destructive migration between v2.14.3 and v2.14.4');
    expect(refused.stdout).toContain('drop_created_at.sql:2: ALTER TABLE orders DROP COLUMN created_at');
    expect(await images()).toEqual(['v2.14.4', 'v2.14.4', 'v2.14.4']);
    expect(await applied()).toContain('20260310140000');

    const ran = await rig.rda([...back, '--reverse-migrations'], { cwd: folder });
    const report = await load.stop();
    expect(report.failed, report.failures.join('\n')).toBe(0);
    expect(ran.exit, ran.stdout + ran.stderr).toBe(0);
    expect(report.versions['v2.14.3']?.answered).toBeGreaterThan(0);
    expect(ran.stdout).toMatch(/\[OK\] Taking back 1 migration works on the restored copy of backup-/);
    expect(await applied()).toEqual(['20260110090000', '20260110090100']);
    // An old pod may still be ending.
    await rig.settled();
    expect(await images()).toEqual(['v2.14.3', 'v2.14.3', 'v2.14.3']);
  });
});
