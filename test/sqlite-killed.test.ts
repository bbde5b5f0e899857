import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import Libsql from 'libsql';
import { build } from 'tsdown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteDatabase } from '../src/adapters/database/sqlite.ts';

const NEVER = new AbortController().signal;
let folder: string;
let bundle: string;
let options: Parameters<typeof sqliteDatabase>[0];

beforeAll(async () => {
  // Below the project, so that the bundle finds libsql.
  const cache = resolve('node_modules/.cache');
  await mkdir(cache, { recursive: true });
  bundle = await mkdtemp(join(cache, 'sqlite-killed-'));
  const entry = { adapter: 'src/adapters/database/sqlite.ts' };
  await build({
    config: false,
    entry,
    outDir: bundle,
    format: 'esm',
    dts: false,
    logLevel: 'silent',
    report: false,
  });
  folder = await mkdtemp(join(tmpdir(), 'rda-killed-'));
  const path = join(folder, 'shop.db');
  const db = new Libsql(path);
  db.exec(`PRAGMA journal_mode=WAL; CREATE TABLE t (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) INSERT INTO t SELECT printf('%0200d', i) FROM n`);
  db.close();
  const history = { table: 'm', column: 'v' };
  options = { path, label: 'shop.db', history, backupFolder: join(folder, 'backups'), keep: 9 };
});
afterAll(async () => {
  for (const path of [folder, bundle]) await rm(path, { recursive: true, force: true });
});

/** Takes a backup in a process of its own and kills it once it has told its progress `after` times. */
async function killedAfter(after: number): Promise<NodeJS.Signals | null> {
  const script = `import { sqliteDatabase } from ${JSON.stringify(pathToFileURL(await adapterFile()).href)};
    await sqliteDatabase(${JSON.stringify(options)}).backUp({ nowMs: 0, signal: new AbortController().signal,
      progress: () => process.stdout.write('progress\\n') });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let told = 0;
  for await (const _ of createInterface({ input: child.stdout })) {
    told++;
    if (told === after) child.kill('SIGKILL');
  }
  return (await exited)[1] as NodeJS.Signals | null;
}

async function adapterFile(): Promise<string> {
  const name = (await readdir(bundle)).find((file) => /^adapter\.m?js$/.test(file));
  return join(bundle, name as string);
}

test.each([1, 3, 6])(
  'killed in the middle of the dump (%i), there is no finished backup, and the next one clears up',
  async (after) => {
    const database = sqliteDatabase(options);
    expect(await killedAfter(after)).toBe('SIGKILL');
    const left = await readdir(options.backupFolder);
    expect(left).toHaveLength(1);
    expect(left[0]).toMatch(/^\.backup-\d+-[0-9a-f]{8}\.partial$/);
    expect(await database.backups()).toEqual([]);
    const backup = await database.backUp({ nowMs: 0, signal: NEVER, progress() {} });
    await database.verify(backup, NEVER);
    expect(await readdir(options.backupFolder)).toEqual([backup.name]);
    await rm(options.backupFolder, { recursive: true });
  },
);

test('left alone, the same process finishes its backup', async () => {
  expect(await killedAfter(Number.POSITIVE_INFINITY)).toBeNull();
  expect(await sqliteDatabase(options).backups()).toHaveLength(1);
});
