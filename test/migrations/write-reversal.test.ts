import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { databases } from '../../src/adapters/database/index.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import type { WrittenReversal } from '../../src/commands/write-reversal.ts';
import { writeReversal, writtenReversalText } from '../../src/commands/write-reversal.ts';
import { loadConfiguration, selectService } from '../../src/config/load.ts';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { mariadbFixture } from '../databases/mariadb-fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-bridge-'));
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...args], {
      cwd: folder,
      stdio: 'pipe',
    });
  git('init', '-q');
  await migration(
    '20260101000000_create.sql',
    'CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT)',
    'DROP TABLE orders',
  );
  git('add', '.');
  git('commit', '-qm', 'one');
  git('tag', 'v2.14.3');
  await migration('20260310000000_drop.sql', 'ALTER TABLE orders DROP COLUMN note', 'SELECT 1');
});
afterEach(() => rm(folder, { recursive: true }));

const options = {
  paths: ['db/migrations'],
  engine: 'sqlite' as const,
  format: undefined,
  from: 'v2.14.3',
  to: undefined,
};

test('a migration is written after all others, in the format of the folder', async () => {
  const { exit, json } = await writeReversal(folder, options);
  const written = json as WrittenReversal;
  expect(exit).toBe(0);
  expect(written.files).toEqual([expect.stringMatching(/^db\/migrations\/\d{14}_bridge_to_v2_14_3\.sql$/)]);
  const text = await readFile(join(folder, written.files[0] as string), 'utf8');
  expect(text).toMatch(
    /^-- migrate:up\n-- rollback-deploy-auto:allow name-reused .*\nALTER TABLE orders ADD COLUMN note TEXT;/,
  );
  expect(text).toContain('-- migrate:down\nALTER TABLE orders DROP COLUMN note;');
  expect((await readdir(join(folder, 'db/migrations'))).sort().at(-1)).toBe(
    written.files[0]?.split('/').at(-1),
  );
  expect(writtenReversalText(written)).toContain('Not tried on a restored copy: there is no rollback.yaml');
});

test('it is tried on the restored copy of the newest backup, and not written where that fails', async () => {
  const db = new Libsql(join(folder, 'shop.db'));
  db.exec(
    'CREATE TABLE schema_migrations (version TEXT PRIMARY KEY); CREATE TABLE orders (id INTEGER PRIMARY KEY)',
  );
  await writeFile(
    join(folder, 'rollback.yaml'),
    'services:\n  shop:\n    platform: { kind: local, port: 8080 }\n    registry: { kind: oci-layout }\n' +
      '    database: { kind: sqlite, path: shop.db }\n    backup: { path: backups }\n',
  );
  const { history } = migrationSources.dbmate();
  const database = sqliteDatabase({
    path: join(folder, 'shop.db'),
    label: 'shop.db',
    history,
    backupFolder: join(folder, 'backups'),
    keep: 2,
  });
  const take = (nowMs: number) =>
    database.backUp({ nowMs, signal: new AbortController().signal, progress() {} });
  const { name } = await take(Date.UTC(2026, 2, 15));
  const { json } = await writeReversal(folder, options);
  expect((json as WrittenReversal).tried).toEqual({ backup: name });
  await rm(join(folder, (json as WrittenReversal).files[0] as string));
  // A table that is otherwise than the files say.
  db.exec('DROP TABLE orders');
  db.close();
  await take(Date.UTC(2026, 2, 16));
  await expect(writeReversal(folder, options)).rejects.toMatchObject({ code: 'REVERSAL_NOT_PROVEN' });
  expect(await readdir(join(folder, 'db/migrations'))).toHaveLength(2);
});

test.skipIf(!HAS_MARIADB)('on MariaDB it is tried on a restored copy, too', { timeout: 60_000 }, async () => {
  const server = await startMariadb();
  try {
    const fixture = await mariadbFixture(
      server,
      `CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('20260101000000');
       CREATE TABLE orders (id INTEGER PRIMARY KEY, remark TEXT); INSERT INTO orders VALUES (1, 'a')`,
    );
    await migration('20260310000000_drop.sql', 'ALTER TABLE orders RENAME COLUMN note TO remark', 'SELECT 1');
    process.env.BRIDGE_URL = server.url(encodeURIComponent(fixture.address.database as string));
    await writeFile(
      join(folder, 'rollback.yaml'),
      'services:\n  shop:\n    platform: { kind: local, port: 8080 }\n    registry: { kind: oci-layout }\n' +
        '    database: { kind: mysql, url: { env: BRIDGE_URL } }\n    backup: { path: backups }\n',
    );
    const { name } = await configuredBackup();
    const { exit, json } = await writeReversal(folder, { ...options, engine: 'mysql' });
    expect([exit, (json as WrittenReversal).tried]).toEqual([0, { backup: name }]);
    expect((json as WrittenReversal).up.join('\n')).toContain('CREATE TRIGGER');
    await fixture.end();
  } finally {
    delete process.env.BRIDGE_URL;
    await server.stop();
  }
});

test('it needs the release that is gone back to', async () => {
  const asked = writeReversal(folder, { ...options, from: undefined });
  await expect(asked).rejects.toMatchObject({ code: 'USAGE', exit: 2 });
});

/** A backup of the database that rollback.yaml names. */
async function configuredBackup(): Promise<{ name: string }> {
  const { configuration } = selectService((await loadConfiguration(folder)).configuration, undefined);
  const database = databases.mysql({
    configuration,
    configFolder: folder,
    stateDir: folder,
    history: migrationSources.dbmate().history,
    secretKey: async () => '',
  });
  return database.backUp({
    nowMs: Date.UTC(2026, 2, 15),
    signal: new AbortController().signal,
    progress() {},
  });
}

async function migration(name: string, up: string, down: string): Promise<void> {
  await mkdir(join(folder, 'db/migrations'), { recursive: true });
  const text = `-- migrate:up\n${up};\n-- migrate:down\n${down};\n`;
  await writeFile(join(folder, 'db/migrations', name), text);
}
