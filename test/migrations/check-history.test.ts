import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Adapters } from '../../src/adapters/adapters.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import { checkMigrations } from '../../src/checks/migrations.ts';
import { gatherFacts } from '../../src/commands/gather-facts.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { emptyEvidence } from '../../src/model/histogram.ts';
import type { MigrationFormat } from '../../src/model/migration-formats.ts';
import type { Migration, Release } from '../../src/model/release.ts';
import * as fixtures from './fixtures.ts';
import { type Folder, filesOf } from './fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-history-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function release(id: string, migrations: Migration[]): Release {
  return {
    id,
    version: `v${id}`,
    image: { reference: `shop:${id}`, digest: `sha256:${id}` },
    deployedAt: '2026-01-01T00:00:00.000Z',
    deployedBy: 'ana',
    configuration: { environment: {}, secrets: {}, files: [] },
    migrations,
    evidence: emptyEvidence(),
  };
}

/** The check, on a real database with that history; the target ships the first migration, what runs ships all. */
async function check(format: MigrationFormat, files: Folder, sql: string) {
  const path = join(folder, 'shop.db');
  const db = new Libsql(path);
  db.exec(sql);
  db.close();
  const source = migrationSources[format]();
  const all = source.parse(filesOf(files));
  const [target, current] = [release('1', all.slice(0, 1)), release('2', all)];
  const { history } = source;
  const database = sqliteDatabase({ path, label: 'shop.db', history, backupFolder: folder, keep: 1 });
  const platform = {
    service: 'shop',
    current: '2',
    canary: undefined,
    releases: [current, target],
    instances: [],
    desired: 1,
  };
  const adapters = {
    platform: { facts: async () => platform },
    registry: { name: 'none', lookUp: async () => ({}) },
    configuration: { read: async () => ({}) },
    metrics: { window: async () => ({}) },
    store: { names: async () => [], get: async () => undefined },
    database,
    migrations: source,
  } as unknown as Adapters;
  const facts = await gatherFacts(adapters, systemClock, 1, new AbortController().signal);
  return { facts, findings: await checkMigrations(facts, target) };
}

describe('a tool that keeps only where it stands', () => {
  const at = (version: number, dirty: boolean) =>
    `CREATE TABLE schema_migrations (version uint64, dirty bool); INSERT INTO schema_migrations VALUES (${version}, ${dirty});`;

  test('all up to there is applied, and judged', async () => {
    const { facts, findings } = await check('golang-migrate', fixtures.golangMigrate, at(10, false));
    expect(facts.database).toMatchObject({ known: true, value: { applied: ['1', '2', '10'] } });
    expect(findings).toMatchObject([{ status: 'fail', blocking: true }]);
    expect(findings[0]?.evidence.join()).toContain('rename-column');
    const earlier = await check(
      'golang-migrate',
      fixtures.golangMigrate,
      `DROP TABLE schema_migrations; ${at(2, false)}`,
    );
    expect(earlier.findings).toMatchObject([{ status: 'ok' }]);
  });

  test('what is not finished stops', async () => {
    const { findings } = await check('golang-migrate', fixtures.golangMigrate, at(2, true));
    expect(findings).toMatchObject([
      { status: 'fail', blocking: true, title: '1 migration of sqlite shop.db is not finished' },
    ]);
    expect(findings[0]?.evidence).toEqual([
      '2 was begun and not finished: which of its statements took effect is not known.',
    ]);
  });
});

test('code is unknown, and its way back is the tool itself', async () => {
  const sql = `CREATE TABLE schema_migrations (version varchar); INSERT INTO schema_migrations VALUES ('20260101000000'), ('20260102000000');`;
  const { findings } = await check('rails', fixtures.rails, sql);
  expect(findings).toMatchObject([{ status: 'unknown', blocking: true }]);
  expect(findings[0]?.evidence.join()).toContain('It is written in Ruby');
  expect(findings[0]?.fix[0]).toContain('db/migrate/20260102000000_add_total.rb is code');
});

test('a changed file and a gap are said, and do not stop by themselves', async () => {
  const shipped = migrationSources.sqlx().parse(filesOf(fixtures.sqlx));
  const sum = shipped[2]?.checksums?.[0];
  const sql = `CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN, checksum BLOB);
    INSERT INTO _sqlx_migrations VALUES (1, 1, x'00'), (10, 1, x'${sum}');`;
  const { findings } = await check('sqlx', fixtures.sqlx, sql);
  const [, disorder] = findings;
  expect(disorder).toMatchObject({
    status: 'warn',
    blocking: false,
    title: 'The migration history of sqlite shop.db is not in order',
    evidence: [
      expect.stringContaining('m/0001_create_orders.sql is not what was applied'),
      expect.stringContaining('m/2_add_total.sql is not applied'),
    ],
  });
});

test('no table is no history', async () => {
  const { facts, findings } = await check('flyway', fixtures.flyway, 'CREATE TABLE t (a);');
  expect(facts.database).toMatchObject({ known: true, value: { applied: undefined } });
  expect(findings).toMatchObject([{ status: 'unknown', blocking: true }]);
});
