import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import Libsql from 'libsql';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import type { LitestreamSource } from '../../src/model/restore-point.ts';

/** Whether the tool is installed (`go install github.com/benbjohnson/litestream/cmd/litestream@v0.5.18`). */
const HAS_LITESTREAM = spawnSync('litestream', ['version']).status === 0;
const NEVER = new AbortController().signal;

describe.skipIf(!HAS_LITESTREAM)('restore points of Litestream', () => {
  let folder: string;
  let path: string;
  let replicating: ChildProcess;
  let source: LitestreamSource;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), 'rda-litestream-')));
    path = join(folder, 'shop.db');
    source = { kind: 'litestream', config: join(folder, 'litestream.yml'), socket: join(folder, 'socket') };
    run(`PRAGMA journal_mode = WAL; CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);
      INSERT INTO orders VALUES (1, 'tea'), (2, 'milk')`);
    await writeFile(
      source.config as string,
      `socket: { enabled: true, path: ${source.socket} }\ndbs: [{ path: ${path}, replica: { path: ${folder}/replica } }]\n`,
    );
    replicating = spawn('litestream', ['replicate', '-config', source.config as string], { stdio: 'ignore' });
    while ((await outlook())?.problem) await wait(50);
  });
  afterEach(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (sql: string) => {
    const db = new Libsql(path);
    db.exec(sql);
    db.close();
  };
  const rows = (file: string) => {
    const db = new Libsql(file);
    try {
      return db.prepare('SELECT * FROM orders').raw().all();
    } finally {
      db.close();
    }
  };
  const open = (restorePoint: LitestreamSource | undefined = source, file = path) =>
    sqliteDatabase({
      path: file,
      label: 'shop.db',
      history: { table: 'schema_migrations', column: 'version' },
      backupFolder: join(folder, 'backups'),
      keep: 1,
      restorePoint,
    });
  const outlook = async (database = open()) => (await database.facts(NEVER)).restorePoint;
  const record = () =>
    open().recordRestorePoint?.(source, { nowMs: 0, run: 'r-1', signal: NEVER, progress: () => {} });
  async function stop(): Promise<void> {
    if (replicating.exitCode !== null || replicating.signalCode !== null) return;
    replicating.kill('SIGKILL');
    await once(replicating, 'exit');
  }

  test('the database is restored to it by the command that it names, whatever was written since', async () => {
    expect(await outlook()).toMatchObject({
      configured: true,
      tool: 'Litestream',
      base: { name: expect.stringMatching(/\.ltx$/) },
    });
    run(`INSERT INTO orders VALUES (3, 'bread')`);
    const before = rows(path);
    const point = await record();
    expect(point).toMatchObject({
      position: `TXID ${point?.name}`,
      covers: 'the database, as a new file beside it',
    });
    run(`DELETE FROM orders; INSERT INTO orders VALUES (9, 'gone')`);
    const later = await record();
    expect(Number(`0x${later?.name}`)).toBeGreaterThan(Number(`0x${point?.name}`));
    const [program = '', ...args] = (point?.restore ?? '').split(' ');
    execFileSync(program, args, { stdio: 'ignore' });
    expect(rows(`${path}.restored`)).toEqual(before);
    expect(before).toHaveLength(3);
  });

  test('what the replica lost is found', async () => {
    await record();
    await rm(join(folder, 'replica'), { recursive: true });
    run(`INSERT INTO orders VALUES (4, 'salt')`);
    await expect(record()).rejects.toMatchObject({ code: 'RESTORE_POINT_FAILED' });
  });

  test('no process that replicates, or another database, is told', async () => {
    const other = join(folder, 'other.db');
    const db = new Libsql(other);
    db.exec('CREATE TABLE t (a)');
    db.close();
    expect((await outlook(open(source, other)))?.problem?.why).toBe(
      `litestream: ${other} is not among the databases that it replicates.`,
    );
    await stop();
    expect((await outlook())?.problem?.why).toMatch(/^litestream: .*control socket/);
    await expect(record()).rejects.toMatchObject({
      code: 'RESTORE_POINT_FAILED',
      detail: expect.stringMatching(/control socket/),
    });
  });
});
