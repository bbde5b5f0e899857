import { chmod, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresqlDatabase } from '../../src/adapters/database/postgresql.ts';
import type { RestorePointSource } from '../../src/model/restore-point.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { type Archived, HAS_PGBACKREST, startArchived } from './pgbackrest.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const NEVER = new AbortController().signal;
const NOW = Date.UTC(2026, 2, 15, 10, 32, 0);
const SQL = `CREATE TABLE schema_migrations (version TEXT PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, item text); INSERT INTO orders SELECT i, 'tea ' || i FROM generate_series(1, 500) i`;
const NOT_ARCHIVED = /^The server could not archive its WAL: [0-9A-F]{24} failed last\.$/;
const ORDERS = `SELECT count(*)::int AS n, md5(string_agg(id || item, ',' ORDER BY id)) AS hash FROM orders`;

describe.skipIf(!HAS_POSTGRESQL || !HAS_PGBACKREST)('restore points of pgBackRest', () => {
  let archived: Archived;
  let shop: ServerFixture;

  beforeAll(async () => {
    archived = await startArchived();
    shop = await postgresqlFixture(archived.server, SQL);
    await shop.user('deployer', 'secret', []);
  });
  afterAll(async () => {
    await shop?.end();
    await archived?.stop();
  });

  const open = (restorePoint: RestorePointSource | undefined, on = shop, user = 'admin') =>
    postgresqlDatabase({
      ...on.plainOptions,
      address: async () => ({ ...on.address, ...(user === 'admin' ? {} : { user, password: 'secret' }) }),
      restorePoint,
    } as Parameters<typeof postgresqlDatabase>[0]);
  const source = () => ({ kind: 'pgbackrest' as const, config: archived.config });
  const outlook = async (database: ReturnType<typeof open>) => (await database.facts(NEVER)).restorePoint;
  const record = (database: ReturnType<typeof open>, nowMs: number, from: RestorePointSource = source()) =>
    database.recordRestorePoint?.(from, {
      nowMs,
      run: 'r-20260315-103200-7f3a',
      signal: NEVER,
      progress: () => {},
    });

  test('the stanza of the server is found by its system identifier', async () => {
    expect(await outlook(open(source()))).toMatchObject({
      configured: true,
      tool: 'pgBackRest, stanza shop',
      source: { kind: 'pgbackrest', stanza: 'shop', config: archived.config },
      base: { name: expect.stringMatching(/^\d{8}-\d{6}F$/) },
    });
  });

  test('what is not configured is found where the server archives with it', async () => {
    // Its own configuration is that of Debian's package, which has no stanza.
    expect(await outlook(open(undefined))).toMatchObject({
      configured: false,
      tool: 'pgBackRest',
      problem: { why: expect.stringMatching(/^pgbackrest info: .*\.$/) },
    });
    process.env.PGBACKREST_CONFIG = archived.config;
    try {
      const found = await outlook(open(undefined));
      expect(found).toMatchObject({ configured: false, tool: 'pgBackRest, stanza shop' });
      expect(found?.problem).toBeUndefined();
    } finally {
      delete process.env.PGBACKREST_CONFIG;
    }
  });

  test('a server is restored to it by the command that it names, whatever was written and backed up since', async () => {
    const before = await shopRows();
    const point = await record(open(source()), NOW);
    expect(point).toMatchObject({
      name: 'rollback-r-20260315-103200-7f3a-20260315103200000',
      position: expect.stringMatching(/^LSN [0-9A-F]+\/[0-9A-F]+$/),
      tool: 'pgBackRest, stanza shop',
    });
    await shop.exec(`UPDATE orders SET item = 'gone'; DELETE FROM orders WHERE id > 100`);
    await archived.pgbackrest('--type=full', 'backup');
    const after = await archived.restored(point?.restore ?? '', async (client) => {
      const restored = client(shop.address.database ?? '');
      await restored.connect();
      return restored
        .query(ORDERS)
        .then(({ rows }) => rows[0])
        .finally(() => restored.end());
    });
    expect(after).toEqual(before);
    expect(after.n).toBe(500);
    expect(await shopRows()).toMatchObject({ n: 100 });
  });

  test('a role needs two rights, which are named', async () => {
    const asDeployer = open(source(), shop, 'deployer');
    const lacking = await outlook(asDeployer);
    expect(lacking?.problem).toEqual({
      why: '"deployer" may not record a restore point.',
      fix: 'In this database: GRANT EXECUTE ON FUNCTION pg_create_restore_point(text), pg_switch_wal() TO "deployer"',
    });
    await expect(record(asDeployer, NOW)).rejects.toMatchObject({ code: 'RESTORE_POINT_FAILED' });
    await shop.exec('GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO deployer');
    expect((await outlook(asDeployer))?.problem?.why).toContain('may not end a WAL segment');
    await shop.exec('GRANT EXECUTE ON FUNCTION pg_switch_wal() TO deployer');
    expect((await outlook(asDeployer))?.problem).toBeUndefined();
    expect(await record(asDeployer, NOW + 1)).toMatchObject({ position: expect.any(String) });
  });

  test('a stanza that is not there, or of another server, is no stanza', async () => {
    const missing = await outlook(open({ ...source(), stanza: 'other' }));
    expect(missing?.problem?.why).toBe('pgbackrest info: stanza other, repository 1: missing stanza path.');
    const other: DatabaseServer = await startPostgresql({ archive_mode: 'on', archive_command: 'true' });
    try {
      const elsewhere = await postgresqlFixture(other, SQL);
      expect(await outlook(open(undefined, elsewhere))).toBeUndefined();
      const named = await outlook(open({ ...source(), stanza: 'shop' }, elsewhere));
      expect(named?.problem?.why).toBe(
        'pgbackrest info: stanza shop, repository 1: it is of another server.',
      );
      const unnamed = await outlook(open(source(), elsewhere));
      expect(unnamed?.problem?.why).toMatch(
        /^pgbackrest info: none of its stanzas is of this server \(\d+\)\.$/,
      );
      await expect(record(open(source(), elsewhere), NOW)).rejects.toMatchObject({
        code: 'RESTORE_POINT_FAILED',
      });
    } finally {
      await other.stop();
    }
  });

  test('WAL that is missing from the repository is found', async () => {
    for (let n = 0; n < 3; n++) await shop.exec('CREATE TABLE IF NOT EXISTS w (); SELECT pg_switch_wal()');
    await record(open(source()), NOW + 2);
    const folder = walFolder();
    const names = (await readdir(folder)).filter((name) => /^[0-9A-F]{24}-/.test(name)).sort();
    const lost = names.at(-3) as string;
    await rename(join(folder, lost), join(archived.repository, lost));
    await expect(record(open(source()), NOW + 3)).rejects.toMatchObject({
      code: 'RESTORE_POINT_FAILED',
      detail: expect.stringContaining(`is not whole in the repository: ${lost.slice(0, 24)} missing.`),
    });
    await rename(join(archived.repository, lost), join(folder, lost));
    expect(await record(open(source()), NOW + 4)).toMatchObject({ position: expect.any(String) });
  });

  test('WAL that the server can not archive is told, and nothing is said to be archived', async () => {
    await chmod(walFolder(), 0o500);
    try {
      const failure = { detail: expect.stringMatching(NOT_ARCHIVED) };
      await expect(record(open(source()), NOW + 5)).rejects.toMatchObject(failure);
      expect((await outlook(open(source())))?.problem?.why).toMatch(NOT_ARCHIVED);
    } finally {
      await chmod(walFolder(), 0o750);
    }
  });

  const walFolder = () => {
    const [major] = archived.server.bin.match(/\d+/) as RegExpMatchArray;
    return join(archived.repository, `archive/shop/${major}-1/0000000100000000`);
  };
  async function shopRows() {
    const { host, port, user, password } = archived.server;
    const client = new pg.Client({ host, port, user, password, database: shop.address.database });
    await client.connect();
    const { rows } = await client.query(ORDERS).finally(() => client.end());
    return rows[0];
  }
});
