import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/adapters/database/database.ts';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import { checkMigrations } from '../../src/checks/migrations.ts';
import { readCatalogs } from '../../src/commands/live-catalogs.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import type { DatabaseFacts, Facts } from '../../src/model/facts.ts';
import { emptyEvidence } from '../../src/model/histogram.ts';
import type { Migration, Release } from '../../src/model/release.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import { postgresqlFixture } from '../databases/postgresql-fixture.ts';
import type { DatabaseServer } from '../databases/server.ts';

const NEVER = new AbortController().signal;
const CREATE = `CREATE TABLE orders (id int PRIMARY KEY, total int, note varchar(20));
INSERT INTO orders VALUES (1, 7, 'n');`;

const migration = (version: string, up: string, opaque?: string): Migration => ({
  version,
  name: 'm',
  file: `db/${version}_m.sql`,
  up,
  down: undefined,
  ...(opaque === undefined ? {} : { opaque }),
});

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

/** The check as a run makes it, for a target that ships the first migrations. */
async function check(
  database: Database,
  engine: DatabaseFacts['engine'],
  shipped: Migration[],
  newer: Migration[],
) {
  const [target, current] = [release('1', shipped), release('2', [...shipped, ...newer])];
  const applied = [...shipped, ...newer].map(({ version }) => version);
  const facts = {
    platform: { current: '2', releases: [current, target] },
    database: {
      known: true,
      value: { name: 'shop', engine, applied, sizeBytes: 1, backupBlocksWritersMs: 0 },
    },
  } as unknown as Facts;
  const catalogs = await readCatalogs(database, engine, shipped, systemClock, NEVER);
  const [finding] = await checkMigrations(facts, target, undefined, catalogs);
  if (!finding) throw new Error('no finding');
  return finding;
}

const SAME =
  'The live schema was compared with that of v1, made anew from its migrations: it shows nothing else.';

describe('SQLite', () => {
  let folder: string;
  let database: Database;
  const exec = (...sqls: string[]) => {
    const db = new Libsql(join(folder, 'shop.db'));
    for (const sql of sqls) db.exec(sql);
    db.close();
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rda-catalog-'));
    const history = { table: 'schema_migrations', column: 'version' };
    database = sqliteDatabase({
      path: join(folder, 'shop.db'),
      label: 'shop.db',
      history,
      backupFolder: folder,
      keep: 1,
    });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('both agree', async () => {
    const more = 'ALTER TABLE orders ADD COLUMN phone varchar(20);';
    exec(CREATE, more, 'CREATE TABLE schema_migrations (version TEXT)');
    expect(await check(database, 'sqlite', [migration('1', CREATE)], [migration('2', more)])).toMatchObject({
      status: 'ok',
      evidence: ['db/2_m.sql: safe for v1.', SAME],
    });
  });

  test('what was done by hand is found, and stops', async () => {
    const more = 'ALTER TABLE orders ADD COLUMN phone varchar(20);';
    exec(CREATE, more, 'ALTER TABLE orders DROP COLUMN note;');
    expect(await check(database, 'sqlite', [migration('1', CREATE)], [migration('2', more)])).toMatchObject({
      status: 'fail',
      blocking: true,
      title: 'The live schema lacks what v1 needs',
      evidence: expect.arrayContaining([
        "live schema: column orders.note (drop-column: data destroyed). The old code's statements that name orders.note fail, and the values of the column are gone. No statement that was read says so.",
        'The live schema was compared with that of v1, made anew from its migrations: 1 difference to that.',
      ]),
    });
  });

  test('what was undone by hand still destroyed what it did', async () => {
    const more = 'ALTER TABLE orders DROP COLUMN note;';
    exec(CREATE, more, 'ALTER TABLE orders ADD COLUMN note varchar(20);');
    const finding = await check(database, 'sqlite', [migration('1', CREATE)], [migration('2', more)]);
    expect(finding).toMatchObject({ status: 'fail', title: '1 destructive migration between v1 and v2' });
    expect(finding.evidence[0]).toContain('The live schema does not show it: it was undone by other means');
  });

  test('code that is newer than the target: the live schema tells what it did to that, and not to rows', async () => {
    const code = migration('2', '', 'It is written in Python, so that its SQL is not known.');
    exec(CREATE, 'ALTER TABLE orders ADD COLUMN phone varchar(20);');
    const added = await check(database, 'sqlite', [migration('1', CREATE)], [code]);
    expect(added).toMatchObject({ status: 'unknown', blocking: true });
    expect(added.evidence).toEqual([
      expect.stringContaining(
        'What it did to the schema is compared in the live one; what it did to rows is not known.',
      ),
      SAME,
    ]);
    exec('ALTER TABLE orders RENAME COLUMN total TO amount;');
    expect(await check(database, 'sqlite', [migration('1', CREATE)], [code])).toMatchObject({
      status: 'fail',
      title: 'The live schema lacks what v1 needs',
    });
  });

  test('what is not replayed is said, and stops nothing by itself', async () => {
    const more = migration('3', 'ALTER TABLE orders ADD COLUMN phone varchar(20);');
    exec(CREATE, more.up);
    const shipped = [migration('1', CREATE), migration('2', "ATTACH 'other.db' AS other;")];
    expect(await check(database, 'sqlite', shipped, [more])).toMatchObject({
      status: 'ok',
      evidence: [
        'db/3_m.sql: safe for v1.',
        "The live schema was not compared with that of v1. db/2_m.sql:1 is not replayed: ATTACH 'other.db' AS other reaches other files.",
      ],
    });
    const code = [migration('1', CREATE), migration('2', '', 'It is written in Ruby.')];
    expect((await check(database, 'sqlite', code, [more])).evidence[1]).toContain(
      "db/2_m.sql can't be replayed. It is written in Ruby.",
    );
    const wrong = [migration('1', CREATE), migration('2', 'ALTER TABLE absent ADD COLUMN a;')];
    expect((await check(database, 'sqlite', wrong, [more])).evidence[1]).toContain(
      'db/2_m.sql:1: no such table: absent.',
    );
  });
});

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  let server: DatabaseServer;
  let fixture: ServerFixture;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  afterEach(() => fixture?.end());

  const judge = async (block: string, ...by: string[]) => {
    fixture = await postgresqlFixture(server, CREATE);
    await fixture.exec(block);
    for (const sql of by) await fixture.exec(sql);
    return check(fixture.database, 'postgresql', [migration('1', CREATE)], [migration('2', block)]);
  };

  test('a DO block that only adds is told by the live schema', async () => {
    const block = `DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'audit') THEN
      EXECUTE 'ALTER TABLE orders ADD COLUMN phone text'; CREATE TABLE audit (id int); END IF; END $$;`;
    const finding = await judge(block);
    expect(finding).toMatchObject({ status: 'warn', blocking: false });
    expect(finding.evidence).toEqual([expect.stringContaining('no word in it changes rows'), SAME]);
  });

  test('one that adds what the old code can not give is told, too', async () => {
    const block =
      'DO $$ BEGIN ALTER TABLE orders ADD COLUMN phone text; ALTER TABLE orders ALTER phone SET NOT NULL; END $$;';
    fixture = await postgresqlFixture(server, CREATE.replace(/INSERT.*/, ''));
    await fixture.exec(block);
    const shipped = [migration('1', CREATE.replace(/INSERT.*/, ''))];
    expect(await check(fixture.database, 'postgresql', shipped, [migration('2', block)])).toMatchObject({
      status: 'fail',
      title: 'The live schema lacks what v1 needs',
      evidence: expect.arrayContaining([expect.stringContaining('add-required-column: writes fail')]),
    });
  });

  test('one that drops a column is told by the live schema', async () => {
    const finding = await judge("DO $$ BEGIN EXECUTE 'ALTER TABLE orders DROP COLUMN note'; END $$;");
    expect(finding).toMatchObject({ status: 'fail', title: 'The live schema lacks what v1 needs' });
  });

  test.each([
    ['changes rows', 'DO $$ BEGIN UPDATE orders SET total = total * 100; END $$;'],
    ['runs what it puts together', `DO $$ DECLARE t text := 'orders'; BEGIN EXECUTE 'TABLE ' || t; END $$;`],
    ['calls a function', `DO $$ DECLARE n text; BEGIN n := current_query(); END $$;`],
  ])('one that %s stays unknown, and stops', async (_, block) => {
    expect(await judge(block)).toMatchObject({ status: 'unknown', blocking: true });
  });
});
