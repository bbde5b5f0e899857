import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { type Archived, HAS_PGBACKREST, startArchived } from '../databases/pgbackrest.ts';
import { HAS_POSTGRESQL } from '../databases/postgresql.ts';
import { postgresqlFixture } from '../databases/postgresql-fixture.ts';
import { createRig, type Rig } from './rig.ts';
import { deployBad, deployGood, GOOD } from './row.ts';

const SQL = `CREATE TABLE schema_migrations (version VARCHAR(255) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('20260101000000'); CREATE TABLE orders (id INTEGER PRIMARY KEY)`;

describe.skipIf(!HAS_POSTGRESQL || !HAS_PGBACKREST)('a rollback with restore points of pgBackRest', () => {
  let archived: Archived;
  let database: ServerFixture;
  let rig: Rig;

  beforeAll(async () => {
    archived = await startArchived();
    database = await postgresqlFixture(archived.server, SQL);
    const { host, port, user, password } = archived.server;
    rig = await createRig({
      extra: `    database:
      kind: postgresql
      host: ${host}
      port: ${port}
      user: ${user}
      database: ${JSON.stringify(database.address.database)}
      password: { env: SHOP_DB_PASSWORD }
    backup:
      path: backups
      maxWait: 0
`,
    });
    process.env.SHOP_DB_PASSWORD = password;
    await deployGood(rig);
    await deployBad(rig, 'good');
  });
  afterAll(async () => {
    delete process.env.SHOP_DB_PASSWORD;
    await rig?.close();
    await database?.end();
    await archived?.stop();
  });

  const back = ['--version', GOOD, '--reason', 'orders fail'];

  test('a dump that takes too long is refused where the tool of the server is of no use', async () => {
    const ran = await rig.run(back);
    expect(ran.code, ran.stderr + ran.stdout).toBe(4);
    expect(ran.stderr + ran.stdout).toContain('It is archived by pgBackRest: pgbackrest info: ');
  });

  test('and gives way to a restore point where it is', async () => {
    const ran = await rig.run([...back, '--dry-run'], { env: { PGBACKREST_CONFIG: archived.config } });
    expect(ran.code, ran.stderr + ran.stdout).toBe(0);
    expect(ran.stdout).toContain('Restore point of pgBackRest, stanza shop: recorded instead of a dump');
    expect(ran.stdout).toContain('[SKIPPED] Restore point: not recorded (dry run)');
  });

  test('it is recorded, and the record says that and no more', async () => {
    await rig.configure((text) =>
      text.replace(
        '      maxWait: 0',
        `      restorePoint: { kind: pgbackrest, config: ${archived.config} }`,
      ),
    );
    const doctor = await rig.run(['doctor']);
    expect(doctor.stdout).toContain('Restore points: pgBackRest, stanza shop can be recorded in');
    const load = rig.load(50);
    await load.started;
    const ran = await rig.run(back);
    expect((await load.stop()).failed).toBe(0);
    const printed = ran.stdout + ran.stderr;
    expect(ran.code, printed).toBe(0);
    const name = /Restore point recorded: (rollback-r-\S+), archived/.exec(printed)?.[1];
    expect(printed).not.toContain('backup completed');
    const record = JSON.parse((await rig.ok(['show', 'last', '--output', 'json'])).stdout);
    expect(record.backup).toBeUndefined();
    expect(record.restorePoint).toMatchObject({ name, tool: 'pgBackRest, stanza shop' });
    const shown = await rig.ok(['show', 'last']);
    expect(shown.stdout).toContain(`${name} at ${record.restorePoint.position}, archived`);
    expect(shown.stdout).toContain(`--target=${name}`);
    expect(await readdir(join(rig.folder, 'backups')).catch(() => [])).toEqual([]);
    const there = await archived.restored(record.restorePoint.restore, async (client) => {
      const restored = client('postgres');
      await restored.connect();
      const asked = restored.query('SELECT 1 FROM pg_database WHERE datname = $1', [
        database.address.database,
      ]);
      return asked.then(({ rows }) => rows.length).finally(() => restored.end());
    });
    expect(there).toBe(1);
  });
});
