import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compareSummaries } from '../../src/schema-changes/compare-summaries.ts';
import { describeDifferences } from '../../src/schema-changes/describe-differences.ts';
import { summaryOf } from '../../src/schema-changes/schema-summary.ts';
import type { DatabaseFixture } from '../contracts/database.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';
import { sqliteFixture } from './sqlite-fixture.ts';

const NEVER = new AbortController().signal;
const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);

/** A statement, and what is different after it. */
type Change = [sql: string, ...told: RegExp[]];

const COMMON: Change[] = [
  ['ALTER TABLE keyless ADD more int NOT NULL DEFAULT 3', /^column keyless\.more: not in the target$/],
  ['DROP VIEW v', /^view v: missing$/],
];
const CHANGES: Record<string, Change[]> = {
  sqlite: [
    ['CREATE TABLE audit (a)', /^table audit: not in the target$/],
    [
      'ALTER TABLE gap RENAME COLUMN v TO w',
      /^column gap\.v: missing$/,
      /^column gap\.w: not in the target$/,
    ],
    ['DROP INDEX ix', /^table ai: unique \(v\) on an expression \(\w+\) missing$/],
    ['DROP TRIGGER tr', /^trigger tr on ai: missing$/],
    ['DROP VIEW v', /^view v: missing$/],
  ],
  postgresql: [
    ...COMMON.slice(0, 1),
    ['DROP MATERIALIZED VIEW mv', /^view mv: missing$/],
    ['DROP VIEW v', /^view v: missing$/],
    [
      'ALTER TABLE keyless ALTER b TYPE varchar(30)',
      /^column keyless\.b: varchar\(30\), in the target varchar\(20\)$/,
    ],
    [
      "ALTER TYPE mood ADD VALUE 'new'",
      /^type mood: has the values it's, sad; --, ok, new; in the target it's, sad; --, ok$/,
    ],
    ['ALTER TABLE ref DISABLE TRIGGER no', /^trigger no on ref: missing$/],
    ['ALTER TABLE guarded DISABLE ROW LEVEL SECURITY', /^row-security row security on guarded: missing$/],
    ['DROP POLICY mine ON guarded', /^policy mine on guarded: missing$/],
    [
      'CREATE FUNCTION g(a int) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
      /^function g\(a integer\): not in the target$/,
    ],
    [
      'ALTER TABLE "Odd.Schema"."or""d er" ALTER f SET NOT NULL',
      /^column Odd\.Schema\.or"d er\.f: must not be NULL, in the target it may$/,
    ],
    [
      'ALTER TABLE ref DROP CONSTRAINT ref_other_fkey',
      /^table ref: foreign key \(other\) references ref\(id\) missing$/,
    ],
  ],
  mysql: [
    ...COMMON,
    ['ALTER TABLE keyless MODIFY b VARCHAR(30) CHARACTER SET latin1', /^column keyless\.b: VARCHAR\(30\)/i],
    ['DROP TRIGGER tr', /^trigger tr on ref: missing$/],
    ['DROP FUNCTION f', /^function f: missing$/],
    [
      'ALTER TABLE ref DROP FOREIGN KEY fk',
      /^table ref: foreign key \(other\) references ref\(id\) missing$/,
    ],
    ['ALTER TABLE ai ADD UNIQUE KEY u (id)', /^table ai: unique \(id\) not in the target$/],
  ],
};

function catalogSuite(kind: string, create: () => Promise<DatabaseFixture>): void {
  describe(`catalog: ${kind}`, () => {
    let fixture: DatabaseFixture;
    beforeEach(async () => {
      fixture = await create();
    });
    afterEach(() => fixture.end());

    test('of a restored copy is the same, and all of it is read', async () => {
      const { database } = fixture;
      const live = await database.catalog(NEVER);
      expect(live.unread).toEqual([]);
      expect([...live.catalog.tables].length).toBeGreaterThan(5);
      const backup = await database.backUp({ nowMs: NOW, signal: NEVER, progress() {} });
      const into = fixture.place('restored');
      await database.restore(backup, into, NEVER);
      const copied = summaryOf(await database.catalog(NEVER, into));
      expect(compareSummaries(summaryOf(live), copied)).toEqual([]);
    });

    test('each change is told, in the order of names', async () => {
      const { database } = fixture;
      const before = summaryOf(await database.catalog(NEVER));
      for (const [sql, ...told] of CHANGES[kind] as Change[]) {
        await fixture.exec(sql);
        const after = summaryOf(await database.catalog(NEVER));
        const differences = describeDifferences(compareSummaries(before, after));
        for (const pattern of told) expect(differences, sql).toContainEqual(expect.stringMatching(pattern));
        expect(differences).toEqual([...differences].sort());
      }
    });

    test('an empty database is made, and gone afterwards, whatever happens in it', async () => {
      const { database } = fixture;
      const places: string[] = [];
      const fails = database.withEmpty(NEVER, async (place) => {
        places.push(place);
        if (kind !== 'sqlite') {
          expect(await fixture.places()).toEqual([place]);
          expect((await database.catalog(NEVER, place)).catalog.tables.isEmpty()).toBe(true);
        }
        throw new Error('on purpose');
      });
      await expect(fails).rejects.toThrow('on purpose');
      expect(await fixture.places()).toEqual([]);
      await expect(database.catalog(NEVER, places[0])).rejects.toMatchObject({ code: 'DATABASE_MISSING' });
    });
  });
}

catalogSuite('sqlite', sqliteFixture);

describe.skipIf(!HAS_POSTGRESQL)('with PostgreSQL', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  catalogSuite('postgresql', () => postgresqlFixture(server));
});

describe.skipIf(!HAS_MARIADB)('with MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
  });
  afterAll(() => server?.stop());
  catalogSuite('mysql', () => mariadbFixture(server));
});
