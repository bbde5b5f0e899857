import { expect, test } from 'vitest';
import { checkMigrations } from '../src/checks/migrations.ts';
import type { DatabaseFacts, Facts, Known } from '../src/model/facts.ts';
import { emptyEvidence } from '../src/model/histogram.ts';
import type { Migration, Release } from '../src/model/release.ts';

const create = migration('1', 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);', 'DROP TABLE t;');
const addColumn = migration('2', 'ALTER TABLE t ADD COLUMN c TEXT;', 'ALTER TABLE t DROP COLUMN c;');
const dropColumn = migration('3', '\n\nALTER TABLE t DROP COLUMN b;');
const target = release('r3', 'v2.14.3', [create]);

test('nothing newer is applied', async () => {
  expect(await check(['1'])).toMatchObject({
    status: 'ok',
    title: 'No destructive database migrations between versions',
    evidence: ['Every applied migration of sqlite shop.db is one that v2.14.3 ships.'],
    blocking: false,
    headline: true,
  });
});

test('newer ones that the target can live with are named', async () => {
  expect(await check(['1', '2'], [create, addColumn])).toMatchObject({
    status: 'ok',
    evidence: ['db/migrations/2_m.sql: safe for v2.14.3.'],
    fix: [],
  });
});

test('a destructive one stops, says what breaks, and offers the ways out, the waiver last', async () => {
  expect(await check(['1', '2', '3'], [create, addColumn, dropColumn])).toEqual({
    check: 'migrations',
    status: 'fail',
    title: '1 destructive migration between v2.14.3 and v2.14.4',
    blocking: true,
    headline: true,
    evidence: [
      "db/migrations/3_m.sql:3: ALTER TABLE t DROP COLUMN b (drop-column: data destroyed). The old code's statements that name t.b fail, and the values of the column are gone.",
      'db/migrations/2_m.sql: safe for v2.14.3.',
    ],
    fix: [
      'Reverse migration: not possible as it is; there is no down in db/migrations/3_m.sql.',
      'Restore: restore a backup taken before the migration; everything written since is lost.',
      'Forward fix: ship a release with the fix on the present schema. Drop it only once no release that may be gone back to uses it.',
      'Go on all the same: add --accept migrations --reason TEXT',
    ],
  });
});

test('a down that loses what was written since is named', async () => {
  const rename = migration('3', 'ALTER TABLE t RENAME COLUMN b TO x;', 'ALTER TABLE t RENAME COLUMN x TO b;');
  const lossy = await check(['1', '2', '3'], [create, addColumn, rename]);
  expect(lossy?.fix[0]).toBe(
    "Reverse migration: run the downs of these 2 with the current release's files, newest first; what was written since is lost by db/migrations/2_m.sql:1: ALTER TABLE t DROP COLUMN c. It does not bring back what the migration destroyed.",
  );
  const clean = await check(['1', '3'], [create, rename]);
  expect(clean?.fix[0]).toContain('they remove no table, column or row');
});

test('changes that depend warn, and do not stop', async () => {
  const index = migration('2', 'CREATE UNIQUE INDEX i ON t(a);');
  expect(await check(['1', '2'], [create, index])).toMatchObject({
    status: 'warn',
    title: 'No destructive database migrations between versions; 1 change to know of',
    blocking: false,
  });
});

test('an applied version that no release ships, and SQL that can’t be read, are unknown and stop', async () => {
  expect(await check(['1', '9'])).toMatchObject({
    status: 'unknown',
    title: "1 database migration between v2.14.3 and v2.14.4 can't be judged",
    blocking: true,
    evidence: ['9: applied, but no known release ships its SQL.'],
  });
  const odd = migration('2', 'FROBNICATE t;');
  expect(await check(['1', '2'], [create, odd])).toMatchObject({ status: 'unknown', blocking: true });
});

test('a database behind the target stops', async () => {
  expect(await check([])).toMatchObject({
    status: 'fail',
    title: 'The database lacks 1 migration that v2.14.3 needs',
    blocking: true,
    evidence: ['db/migrations/1_m.sql: shipped by v2.14.3, not applied to sqlite shop.db.'],
  });
});

test('no database is unknown and does not stop; what could not be read is unknown and does', async () => {
  expect(await checkFacts(undefined)).toMatchObject({
    status: 'unknown',
    title: 'Database: none configured; schema compatibility not checked',
    blocking: false,
    headline: true,
  });
  const why = 'The database is locked.';
  expect(await checkFacts({ known: false, why })).toMatchObject({
    status: 'unknown',
    title: 'Database migrations between versions could not be checked',
    evidence: [why],
    blocking: true,
  });
  expect(await check(undefined)).toMatchObject({ status: 'unknown', blocking: true });
  expect(await check(['1'], [create], { ...target, migrations: undefined })).toMatchObject({
    status: 'unknown',
    blocking: true,
    evidence: ['Which migrations v2.14.3 ships was not recorded.'],
  });
});

async function check(applied: string[] | undefined, newer: Migration[] = [create], to = target) {
  const value: DatabaseFacts = {
    name: 'sqlite shop.db',
    engine: 'sqlite',
    applied,
    sizeBytes: 1,
    backupBlocksWritersMs: 0,
  };
  return checkFacts({ known: true, value }, newer, to);
}

async function checkFacts(
  database: Known<DatabaseFacts> | undefined,
  newer: Migration[] = [create],
  to = target,
) {
  const facts: Facts = {
    platform: {
      service: 'shop',
      platform: 'local',
      target: 'local/shop',
      noun: { one: 'instance', many: 'instances' },
      current: 'r4',
      canary: undefined,
      releases: [release('r4', 'v2.14.4', newer), to],
      instances: [],
      desired: 3,
      surge: true,
    },
    images: {},
    database,
    configuration: { known: false, why: '' },
    recentTraffic: {},
    rolledBackFrom: {},
    preflight: [],
  };
  const findings = await checkMigrations(facts, to);
  expect(findings).toHaveLength(1);
  return findings[0];
}

function migration(version: string, up: string, down?: string): Migration {
  return { version, name: 'm', file: `db/migrations/${version}_m.sql`, up, down };
}

function release(id: string, version: string, migrations: Migration[]): Release {
  return {
    id,
    version,
    image: { reference: `shop:${version}`, digest: 'sha256:0' },
    deployedAt: '2026-03-15T10:00:00Z',
    deployedBy: 'x',
    configuration: { environment: {}, secrets: {}, files: [] },
    migrations,
    evidence: emptyEvidence(),
  };
}
