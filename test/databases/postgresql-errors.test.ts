import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findTools } from '../../src/adapters/database/postgresql/tools.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_POSTGRESQL, startPostgresql } from './postgresql.ts';
import { postgresqlFixture } from './postgresql-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SQL = `CREATE TABLE schema_migrations (version TEXT); INSERT INTO schema_migrations VALUES ('2'), ('10'), ('1');
  CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1)`;
const NEVER = new AbortController().signal;

describe.skipIf(!HAS_POSTGRESQL)('with PostgreSQL', () => {
  let server: DatabaseServer;
  let fixture: ServerFixture;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    fixture = await postgresqlFixture(server, SQL);
  });
  afterEach(() => fixture.end());

  const take = (database = fixture.database) => database.backUp({ nowMs: 0, signal: NEVER, progress() {} });
  const clerk = async (...statements: string[]) => {
    await fixture.user('clerk', 'x', []);
    for (const sql of statements) await fixture.exec(sql);
    return fixture.as({ user: 'clerk', password: 'x' });
  };

  test('facts: applied versions in order, engine, version and size, also where the search path is its own', async () => {
    const facts = await fixture.database.facts(NEVER);
    expect(facts).toEqual({
      name: fixture.database.name,
      engine: 'postgresql',
      version: expect.stringMatching(/^\d+\.\d+$/),
      applied: ['1', '10', '2'],
      sizeBytes: expect.any(Number),
      backupBlocksWritersMs: 0,
      backup: { estimateMs: expect.any(Number) },
    });
    expect(facts.sizeBytes).toBeGreaterThan(1e6);
    await fixture.exec('CREATE SCHEMA app; ALTER TABLE schema_migrations SET SCHEMA app');
    expect((await fixture.database.facts(NEVER)).applied).toBeUndefined();
    await fixture.exec('ALTER ROLE admin SET search_path = app');
    expect((await fixture.database.facts(NEVER)).applied).toEqual(['1', '10', '2']);
    await fixture.exec('ALTER ROLE admin RESET search_path');
  });

  test('facts: a history that is locked or may not be read is an error with a way out, and soon', async () => {
    const { host, port, user, password, address } = { ...server, address: fixture.address };
    const holder = new pg.Client({ host, port, user, password, database: address.database });
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE schema_migrations');
    await expect(fixture.database.facts(NEVER)).rejects.toMatchObject({
      code: 'DATABASE_UNREADABLE',
      detail: expect.stringContaining('timeout'),
    });
    await holder.end();
    await fixture.user('clerk', 'x', ['schema_migrations']);
    const other = fixture.as({ user: 'clerk', password: 'x' });
    await expect(other.facts(NEVER)).rejects.toMatchObject({
      code: 'DATABASE_UNREADABLE',
      fix: expect.stringContaining('GRANT SELECT ON schema_migrations TO "clerk"'),
    });
  });

  test.each([
    ['a wrong password', { password: 'no' }, 'DATABASE_UNREADABLE'],
    ['no such database', { database: 'nowhere' }, 'DATABASE_MISSING'],
    ['nobody there', { port: 1 }, 'DATABASE_UNREACHABLE'],
    ['TLS that the server has not', { tls: 'require' as const }, 'DATABASE_UNREACHABLE'],
  ])('a connection that fails: %s', async (_, change, code) => {
    const database = fixture.as(change);
    await expect(database.facts(NEVER)).rejects.toMatchObject({ code, fix: expect.any(String) });
    await expect(take(database)).rejects.toMatchObject({ code: 'BACKUP_FAILED', fix: expect.any(String) });
  });

  test('rows that row security hides stop the backup', async () => {
    const database = await clerk(
      'ALTER TABLE orders ENABLE ROW LEVEL SECURITY',
      'CREATE POLICY none ON orders USING (false)',
    );
    await expect(take(database)).rejects.toMatchObject({
      code: 'BACKUP_FAILED',
      detail: expect.stringMatching(/public\.orders.*clerk/),
      fix: expect.stringContaining('BYPASSRLS'),
    });
  });

  test('a table that somebody has locked stops the backup, which queues nobody behind it', async () => {
    const { host, port, user, password } = server;
    const options = { host, port, user, password, database: fixture.address.database };
    const holder = new pg.Client(options);
    await holder.connect();
    await holder.query('BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE');
    const failed = take().catch((error) => error);
    await expect(failed).resolves.toMatchObject({ code: 'BACKUP_FAILED' });
    await holder.end();
    expect((await readdir(fixture.backupFolder)).length).toBe(0);
    await take();
  });

  test('who may not make a database is told so, and can have it read only', async () => {
    const database = await clerk('ALTER ROLE clerk NOCREATEDB');
    const backup = await take(database);
    await expect(database.verify(backup, NEVER)).rejects.toMatchObject({
      code: 'BACKUP_NOT_VERIFIED',
      fix: expect.stringMatching(/CREATEDB.*--backup-verify read/),
    });
    await database.verify(backup, NEVER, 'read');
  });

  test('who owns nothing can prove a backup, but not restore it with its owners; nothing is left of the try', async () => {
    const database = await clerk();
    const backup = await take(database);
    await database.verify(backup, NEVER);
    await expect(database.restore(backup, 'again', NEVER)).rejects.toMatchObject({
      code: 'RESTORE_FAILED',
      fix: expect.stringContaining('superuser'),
    });
    expect(await fixture.places()).toEqual([]);
  });

  test('of tools, the first that is not older than the server is taken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-tools-'));
    try {
      const tool = async (version: string) => {
        const at = await mkdtemp(join(folder, 'bin-'));
        for (const name of ['pg_dump', 'pg_restore']) {
          await writeFile(join(at, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`);
          await chmod(join(at, name), 0o755);
        }
        return at;
      };
      const [old, beta, next] = [
        await tool('14.9 (Debian 14.9-1)'),
        await tool('16beta1'),
        await tool('17.2'),
      ];
      expect(await findTools(14, [next, old])).toMatchObject({ version: '17.2' });
      expect(await findTools(15, [old, beta, next])).toMatchObject({ version: '16beta1' });
      await expect(findTools(18, [join(folder, 'none'), old, next])).rejects.toMatchObject({
        code: 'DATABASE_TOOL_MISSING',
        detail: expect.stringMatching(/version 18.*14\.9.*17\.2/),
        fix: expect.stringContaining('postgresql-client-18'),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
