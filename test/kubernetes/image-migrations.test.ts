import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

const MIGRATIONS: Record<string, string> = {
  '1_create.sql': '-- migrate:up\nCREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);\n',
  '2_add.sql': '-- migrate:up\nALTER TABLE t ADD COLUMN c TEXT;\n',
  '3_drop.sql': '-- migrate:up\n\nALTER TABLE t DROP COLUMN b;\n',
};
/** How many of them each version ships. */
const SHIPS: Record<string, number> = { 'v2.14.3': 1, 'v2.14.4': 3 };

describe.skipIf(!hasCluster)('migrations in the images of a Deployment', () => {
  let rig: KubernetesRig;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rda-migrations-'));
    const files = (tag: string) =>
      Object.fromEntries(
        Object.entries(MIGRATIONS)
          .slice(0, SHIPS[tag])
          .map(([name, sql]) => [`db/migrations/${name}`, sql]),
      );
    rig = await kubernetesRig({ replicas: 1, image: { repository: 'rda-test/migrations', files } });
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rig?.dispose();
  });

  /** A dry run back to v2.14.3 with a database that so many migrations are applied to. */
  async function dryRun(applied: number, path = 'db/migrations') {
    const cwd = await mkdtemp(join(folder, 'run-'));
    const versions = Array.from({ length: applied }, (_, i) => `('${i + 1}')`).join(', ');
    const sql = [
      'CREATE TABLE schema_migrations (version TEXT PRIMARY KEY);',
      `INSERT INTO schema_migrations VALUES ${versions};`,
      ...Object.values(MIGRATIONS).slice(0, applied),
    ].join('\n');
    execFileSync('sqlite3', ['-bail', join(cwd, 'shop.db')], { input: sql });
    await writeFile(
      join(cwd, 'rollback.yaml'),
      `services:
  api:
    platform: { kind: kubernetes, namespace: ${rig.namespace}, workloads: [deployment/api] }
    registry: { kind: distribution }
    database: { kind: sqlite, path: shop.db, migrations: { format: dbmate, path: ${path} } }
`,
    );
    return rig.rda(['deployment/api', '--dry-run', '--version', 'v2.14.3'], { cwd });
  }

  it('a destructive one that is applied stops the rollback, with its file and line', async () => {
    const { exit, stdout, stderr } = await dryRun(3);
    expect([exit, stderr]).toEqual([4, expect.stringContaining('refused by migrations')]);
    expect(stdout).toContain('[FAIL] 1 destructive migration between v2.14.3 and v2.14.4');
    expect(stdout).toContain('app/db/migrations/3_drop.sql:3: ALTER TABLE t DROP COLUMN b (drop-column:');
    expect(stdout).toContain('app/db/migrations/2_add.sql: safe for v2.14.3.');
  });

  it('safe ones do not', async () => {
    const { exit, stdout, stderr } = await dryRun(2);
    expect([exit, stderr]).toEqual([0, expect.any(String)]);
    expect(stdout).toContain('[OK] No destructive database migrations between versions');
  });

  it('a folder that the image does not have is unknown and stops', async () => {
    const { exit, stdout, stderr } = await dryRun(2, 'database/migrations');
    expect(exit).toBe(4);
    expect(stdout).toContain('[UNKNOWN] Database migrations between versions could not be checked');
    expect(stdout).toContain('rda-test/migrations:v2.14.3 has no folder database/migrations.');
    expect(stderr).toContain('Set database.migrations.path in rollback.yaml to the folder of the migrations');
  });
});
