import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DumpReader } from '../../src/adapters/database/mysql/dump-content.ts';
import { findTools } from '../../src/adapters/database/mysql/tools.ts';
import { backUpDatabase } from '../../src/steps/back-up-database.ts';
import type { ServerFixture } from '../contracts/database-server-faults.ts';
import { HAS_MARIADB, startMariadb } from './mariadb.ts';
import { mariadbFixture } from './mariadb-fixture.ts';
import type { DatabaseServer } from './server.ts';

const SQL = `CREATE TABLE schema_migrations (version VARCHAR(20)); INSERT INTO schema_migrations VALUES ('2'), ('10'), ('1');
  CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1)`;
const NEVER = new AbortController().signal;

describe.skipIf(!HAS_MARIADB)('with MariaDB', () => {
  let server: DatabaseServer;
  let fixture: ServerFixture;
  beforeAll(async () => {
    server = await startMariadb({ 'event-scheduler': 'ON', 'log-bin': 'binlog' });
  });
  afterAll(() => server?.stop());
  beforeEach(async () => {
    fixture = await mariadbFixture(server, SQL);
  });
  afterEach(() => fixture.end());

  const take = (database = fixture.database) => database.backUp({ nowMs: 0, signal: NEVER, progress() {} });

  test('facts: applied versions in order, engine, version and size', async () => {
    expect(await fixture.database.facts(NEVER)).toEqual({
      name: fixture.database.name,
      engine: 'mysql',
      version: expect.stringMatching(/^\d+\.\d+\.\d+-MariaDB/),
      applied: ['1', '10', '2'],
      sizeBytes: expect.any(Number),
      backupBlocksWritersMs: 0,
      backup: { estimateMs: expect.any(Number) },
    });
    await fixture.exec('DROP TABLE schema_migrations');
    expect((await fixture.database.facts(NEVER)).applied).toBeUndefined();
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

  test('what a restore that failed can not drop again is told beside the reason why it failed', async () => {
    const backup = await take();
    await fixture.user('deployer', 'secret', []);
    await fixture.exec('GRANT SELECT, INSERT, CREATE ON restored.* TO deployer');
    const asDeployer = fixture.as({ user: 'deployer', password: 'secret' });
    const error = await asDeployer.restore(backup, 'restored', NEVER).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'RESTORE_FAILED' });
    // The tool's word, then that of the server about the database.
    expect(error.detail).toMatch(
      /^mariadb exited 1: .*denied.*\. What was made of restored is still there, since it can't be dropped: Access denied .*\. The next restore into it drops it\.$/,
    );
    await fixture.database.restore(backup, 'restored', NEVER);
    expect(await fixture.number('SELECT COUNT(*) FROM orders', 'restored')).toBe(1);
  });

  test('a table that has no snapshot stops the backup', async () => {
    await fixture.exec('CREATE TABLE legacy (x INT) ENGINE = MyISAM');
    await expect(take()).rejects.toMatchObject({
      code: 'BACKUP_FAILED',
      detail: expect.stringContaining('legacy (MyISAM)'),
      fix: expect.stringContaining('ENGINE = InnoDB'),
    });
  });

  test('what the dump tool rounds is said with the backup', async () => {
    await fixture.exec('CREATE TABLE f (x FLOAT, d DOUBLE); INSERT INTO f VALUES (1.2345678, 1.2345678)');
    const step = backUpDatabase(fixture.database);
    const context = { clock: { now: () => 0 }, signal: NEVER, progress() {} };
    const output = await step.apply({ runId: 'r-1' }, context as never);
    expect(output.findings[0]).toMatchObject({
      status: 'warn',
      evidence: expect.arrayContaining([expect.stringMatching(/six digits.*f\.x/)]),
    });
    await fixture.database.restore(output.backup, 'rounded', NEVER);
    expect(await fixture.number('SELECT CAST(x AS DOUBLE) FROM f', 'rounded')).not.toBe(
      await fixture.number('SELECT CAST(x AS DOUBLE) FROM f'),
    );
  });

  test('events of the scratch copy do not run, and what is done to it is not in the binary log', async () => {
    await fixture.fill(20_000);
    await fixture.exec(
      `CREATE TABLE ran (place TEXT); CREATE EVENT often ON SCHEDULE EVERY 1 SECOND DO
         INSERT INTO \`${fixture.address.database}\`.ran VALUES (DATABASE())`,
    );
    const backup = await take();
    const until = performance.now() + 2500;
    while (performance.now() < until) await fixture.database.verify(backup, NEVER);
    expect(await fixture.number('SELECT COUNT(*) FROM ran')).toBeGreaterThan(0);
    expect(await fixture.number(`SELECT COUNT(*) FROM ran WHERE place LIKE 'rollback%'`)).toBe(0);
    const logs = (await readdir(join(server.folder, 'data'))).filter((name) => /^binlog\.\d+$/.test(name));
    const logged = await Promise.all(
      logs.map((name) => readFile(join(server.folder, 'data', name), 'latin1')),
    );
    expect(logged.join('').includes('EVENT often')).toBe(true);
    expect(logged.join('').includes('rollback_scratch')).toBe(false);
    await fixture.database.restore(backup, 'restored', NEVER);
    const events = 'SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()';
    expect(await fixture.number(events, 'restored')).toBe(1);
  });

  test('MySQL’s dumps, all rows of a statement in one line, are counted alike', () => {
    const head = 'CREATE TABLE `t` (\n  `a` int\n);\n';
    const tail = '\n-- Dump completed\n';
    const one = `${head}INSERT INTO \`t\` VALUES (1,'a),(b\\'\\\\'),(2,NULL),(1,'x');${tail}`;
    const each = `${head}INSERT INTO \`t\` VALUES\n(2,NULL),\n(1,'a),(b\\'\\\\'),\n(1,'x');${tail}`;
    const read = (text: string, size: number) => {
      const reader = new DumpReader();
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
      return reader.end();
    };
    expect(read(one, 1000)).toMatchObject({ rows: { t: 3 }, complete: true });
    for (const size of [1, 7, 64]) expect(read(one, size)).toEqual(read(each, 1000));
    expect(read(one.replace('2,NULL', '3,NULL'), 9).hashes).not.toEqual(read(one, 9).hashes);
    expect(read(one.slice(0, -1), 9).complete).toBe(false);
  });

  test('of tools, the first of the server’s family that is not older than it is taken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-tools-'));
    try {
      const tool = async (dump: string, client: string, version: string) => {
        const at = await mkdtemp(join(folder, 'bin-'));
        for (const name of [dump, client]) {
          await writeFile(join(at, name), `#!/bin/sh\necho "${version}"\n`);
          await chmod(join(at, name), 0o755);
        }
        return at;
      };
      const maria = await tool(
        'mariadb-dump',
        'mariadb',
        'mariadb-dump  Ver 10.19 Distrib 10.11.19-MariaDB, for x',
      );
      const newer = await tool('mysqldump', 'mysql', 'mysqldump from 11.4.2-MariaDB, client 10.19 for Linux');
      const mysql = await tool('mysqldump', 'mysql', 'mysqldump  Ver 8.0.36 for Linux on x86_64');
      const server = { family: 'mariadb', version: '10.11.2-MariaDB-1' } as const;
      expect(await findTools(server, [mysql, maria])).toMatchObject({ version: '10.11.19' });
      expect(await findTools({ ...server, version: '11.2.3-MariaDB' }, [maria, newer])).toMatchObject({
        version: '11.4.2',
      });
      expect(await findTools({ family: 'mysql', version: '8.0.44' }, [maria, mysql])).toMatchObject({
        version: '8.0.36',
      });
      await expect(findTools({ family: 'mysql', version: '8.4.1' }, [maria, mysql])).rejects.toMatchObject({
        code: 'DATABASE_TOOL_MISSING',
        detail: expect.stringMatching(/MariaDB's.*MySQL's, 8\.0\.36/),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
