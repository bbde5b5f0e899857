import { chmod, mkdir, mkdtemp, open, readdir, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { databases } from '../src/adapters/database/index.ts';
import { sqliteDatabase } from '../src/adapters/database/sqlite.ts';
import { backUpDatabase } from '../src/steps/back-up-database.ts';
import { withoutRoot } from './without-root.ts';

const NEVER = new AbortController().signal;
const HISTORY = { table: 'schema_migrations', column: 'version' };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-sqlite-'));
  path = join(folder, 'shop.db');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const adapter = (overrides: { path?: string; backupFolder?: string } = {}) =>
  sqliteDatabase({
    path,
    label: 'data/shop.db',
    history: HISTORY,
    backupFolder: join(folder, 'backups'),
    keep: 5,
    ...overrides,
  });
const take = (database = adapter()) => database.backUp({ nowMs: 0, signal: NEVER, progress() {} });

function make(sql = 'CREATE TABLE t (a); INSERT INTO t VALUES (1)'): Libsql.Database {
  const db = new Libsql(path);
  db.exec(sql);
  return db;
}

test('facts: applied versions in order, size, and how long a backup makes writers wait', async () => {
  const db = make(
    `CREATE TABLE schema_migrations (version TEXT); INSERT INTO schema_migrations VALUES ('2'), ('10'), ('1')`,
  );
  const facts = await adapter().facts(NEVER);
  expect(facts).toEqual({
    name: 'sqlite data/shop.db',
    engine: 'sqlite',
    applied: ['1', '10', '2'],
    sizeBytes: 8192,
    backup: { estimateMs: 4 },
    backupBlocksWritersMs: 2,
  });
  db.exec('PRAGMA journal_mode=WAL');
  expect((await adapter().facts(NEVER)).backupBlocksWritersMs).toBe(0);
  db.exec('DROP TABLE schema_migrations');
  expect((await adapter().facts(NEVER)).applied).toBeUndefined();
  db.close();
});

test('the factory reads paths from the folder of the configuration', async () => {
  make().close();
  const database = databases.sqlite({
    configuration: { database: { kind: 'sqlite', path: 'shop.db' }, backup: { path: 'b', keep: 1 } },
    configFolder: folder,
    stateDir: folder,
    history: HISTORY,
    secretKey: async () => '',
  });
  expect((await take(database)).path).toBe(join(folder, 'b', 'backup-19700101-000000.sql'));
});

test.each([
  ['an empty file', ''],
  [
    'UTF-16, little end first',
    `PRAGMA encoding='UTF-16le'; CREATE TABLE "tä" (x); INSERT INTO "tä" VALUES ('ü😀'), (CAST(X'00d8' AS TEXT)), ('a' || char(13))`,
  ],
  ['UTF-16, big end first', `PRAGMA encoding='UTF-16be'; CREATE TABLE t (x); INSERT INTO t VALUES ('ü😀')`],
  ['auto_vacuum and another page size', 'PRAGMA page_size=1024; PRAGMA auto_vacuum=2; CREATE TABLE t (x)'],
  [
    'its only AUTOINCREMENT table dropped',
    'CREATE TABLE a (i INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE a; CREATE TABLE rollback_sequence (x)',
  ],
  [
    'a sequence without AUTOINCREMENT',
    `CREATE TABLE a (i INTEGER PRIMARY KEY AUTOINCREMENT); DROP TABLE a; INSERT INTO sqlite_sequence VALUES ('gone', 3)`,
  ],
  [
    'WITHOUT ROWID and STRICT, with a key that runs backwards',
    "CREATE TABLE t (a INT, b TEXT COLLATE NOCASE, PRIMARY KEY (b DESC, a)) WITHOUT ROWID, STRICT; INSERT INTO t VALUES (1, 'a'), (2, 'B'), (1, 'b')",
  ],
  [
    'comments at the end of definitions',
    'CREATE TABLE t (x -- last\n); CREATE INDEX i ON t(x) -- why\n; CREATE VIEW v AS SELECT 1 /* c */ -- d\n;',
  ],
  [
    'rows that break a CHECK and a foreign key',
    'PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON; CREATE TABLE p (i INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p(i), n CHECK (n > 0)); INSERT INTO c VALUES (9, -1)',
  ],
  [
    'full text in other tables',
    `CREATE TABLE doc (id INTEGER PRIMARY KEY, body); CREATE VIRTUAL TABLE ix USING fts5(body, content='doc', content_rowid='id'); CREATE TRIGGER ai AFTER INSERT ON doc BEGIN INSERT INTO ix(rowid, body) VALUES (new.id, new.body); END; INSERT INTO doc(body) VALUES ('hello'); CREATE VIRTUAL TABLE f4 USING fts4(x); INSERT INTO f4 VALUES ('w')`,
  ],
  ['statistics', 'CREATE TABLE t (x); CREATE INDEX i ON t(x); INSERT INTO t VALUES (1), (2); ANALYZE'],
  [
    'many columns',
    `CREATE TABLE t (${Array.from({ length: 900 }, (_, i) => `c${i}`).join(', ')}); INSERT INTO t (c899) VALUES (1)`,
  ],
])('backed up and proven: %s', async (_, sql) => {
  make(sql).close();
  await adapter().verify(await take(), NEVER);
});

test('a file that is not there is not made', async () => {
  const gone = { code: 'DATABASE_MISSING', summary: 'There is no database sqlite data/shop.db' };
  await expect(adapter().facts(NEVER)).rejects.toMatchObject({
    ...gone,
    detail: `The file ${path} does not exist.`,
  });
  await expect(take()).rejects.toMatchObject({
    code: 'BACKUP_FAILED',
    summary: 'Cannot back up sqlite data/shop.db',
    detail: `There is no database sqlite data/shop.db. The file ${path} does not exist.`,
    fix: 'Correct database.path in rollback.yaml.',
  });
  expect(await readdir(folder)).toEqual([]);
});

test('a file that is no database', async () => {
  await writeFile(path, 'no database at all'.repeat(100));
  await expect(adapter().facts(NEVER)).rejects.toMatchObject({
    code: 'DATABASE_UNREADABLE',
    detail: `${path} is not an SQLite database, or it is encrypted.`,
  });
  await rm(path);
  await mkdir(path);
  await expect(adapter().facts(NEVER)).rejects.toMatchObject({ detail: `${path} is not a file.` });
});

test('a history table of another tool', async () => {
  make('CREATE TABLE schema_migrations (id)').close();
  await expect(adapter().facts(NEVER)).rejects.toMatchObject({
    code: 'DATABASE_UNREADABLE',
    summary: "The migration history of sqlite data/shop.db can't be read",
    detail: 'Reading version of table schema_migrations: no such column: version.',
  });
});

test('a locked database: tried again while the event loop runs, then an error that can be tried again', async () => {
  const db = make();
  db.exec('BEGIN EXCLUSIVE');
  let turns = 0;
  const timer = setInterval(() => turns++, 10);
  await expect(take()).rejects.toMatchObject({
    code: 'BACKUP_FAILED',
    detail:
      'The database sqlite data/shop.db is locked. Another process has held its write lock for 5 s, and nothing can be read meanwhile.',
    retriable: true,
  });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(10);
  const waiting = take();
  db.exec('COMMIT');
  expect((await waiting).rows).toEqual({ t: 1 });
  db.close();
});

test('outside WAL mode writers wait for the dump, and no longer', async () => {
  const db = make();
  db.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT printf('%0200d', i) FROM n`,
  );
  const seen: string[] = [];
  const backup = await adapter().backUp({
    nowMs: 0,
    signal: NEVER,
    progress() {
      try {
        db.exec('INSERT INTO t VALUES (2)');
        seen.push('written');
      } catch (error) {
        seen.push((error as Error).message);
      }
    },
  });
  expect(seen[0]).toBe('database is locked');
  db.exec('INSERT INTO t VALUES (2)');
  await adapter().verify(backup, NEVER);
  db.close();
});

test('a backup folder that can’t be made or written to', async () => {
  make().close();
  const backupFolder = join(folder, 'file', 'backups');
  await writeFile(join(folder, 'file'), '');
  await expect(take(adapter({ backupFolder }))).rejects.toMatchObject({
    code: 'BACKUP_FAILED',
    detail: `The folder ${backupFolder} can't be written to (ENOTDIR).`,
    fix: 'Give this user the right to write there, or set backup.path in rollback.yaml to another folder.',
  });
});

test('files that this user may not read or write', async () => {
  make().close();
  const backupFolder = join(folder, 'backups');
  await mkdir(backupFolder, { mode: 0o500 });
  await withoutRoot(folder, async () => {
    await expect(take()).rejects.toMatchObject({
      detail: `The folder ${backupFolder} can't be written to (EACCES).`,
    });
    await chmod(path, 0o000);
    await expect(adapter().facts(NEVER)).rejects.toMatchObject({
      detail: `This user may not open ${path}, or its -wal and -shm files beside it.`,
    });
  });
});

test('too little space is found before anything is written', async () => {
  make().close();
  const { bavail, bsize } = await statfs(folder);
  // A hole in a file takes no space, but its copy would.
  await truncate(path, Math.floor((bavail * bsize) / 2));
  const error = await take().catch((e) => e);
  expect(error).toMatchObject({ code: 'BACKUP_FAILED' });
  expect(error.detail).toMatch(
    /^Not enough space for a backup\. The backup and the copy it is proven with need about [\d.]+ MB in .*; [\d.]+ MB are free\.$/,
  );
  expect(await readdir(join(folder, 'backups'))).toEqual([]);
});

test('a disk that fills up during the dump: nothing is left behind', async () => {
  make().close();
  const handle = await open(path, 'r');
  const prototype = Object.getPrototypeOf(handle);
  await handle.close();
  vi.spyOn(prototype, 'write').mockRejectedValue(
    Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }),
  );
  await expect(take()).rejects.toMatchObject({
    code: 'BACKUP_FAILED',
    detail: `The disk that holds ${join(folder, 'backups')} is full; what was written has been removed.`,
  });
  expect(await readdir(join(folder, 'backups'))).toEqual([]);
});

test('what dead processes left unfinished is cleared away, what is not a backup is not listed', async () => {
  make().close();
  const backups = join(folder, 'backups');
  await mkdir(backups);
  const left = '.backup-999999999-00ff00ff.partial';
  for (const name of [left, 'backup-20260101-000000.sql', 'notes.sql'])
    await writeFile(join(backups, name), 'x');
  const { name } = await take();
  expect((await readdir(backups)).sort()).toEqual([
    'backup-19700101-000000.sql',
    'backup-20260101-000000.sql',
    'notes.sql',
  ]);
  expect((await adapter().backups()).map((file) => file.name)).toEqual([name]);
});

test('the step: taken, proven and told; cut off, it goes on with its own backup, unless that is old', async () => {
  make().close();
  const said: string[] = [];
  let nowMs = Date.UTC(2026, 2, 15, 10, 32, 0);
  const clock = { now: () => nowMs, monotonic: () => 0, sleep: async () => {}, randomId: () => '0' };
  const context = {
    runId: 'r-1',
    epoch: 1,
    outputs: new Map(),
    clock,
    movedAtMs: undefined,
    signal: NEVER,
    progress: (message: string) => void said.push(message),
  };
  const step = backUpDatabase(adapter());
  expect(await step.observe({ runId: 'r-1' }, context)).toEqual({ state: 'pending', before: null });
  const first = await step.apply({ runId: 'r-1' }, context);
  expect(first.findings[0]).toMatchObject({
    check: 'backup',
    status: 'ok',
    title: 'Database backup completed: backup-20260315-103200.sql',
    headline: true,
    blocking: false,
  });
  expect(first.findings[0]?.evidence[0]).toMatch(
    /^sqlite data\/shop\.db: 1 row in 1 table, 0\.0 MB, taken in \d+ ms$/,
  );
  nowMs += 60_000;
  expect((await step.apply({ runId: 'r-1' }, context)).backup.name).toBe('backup-20260315-103200.sql');
  expect(said).toContain('going on with backup-20260315-103200.sql');
  nowMs += 10 * 60_000;
  expect((await step.apply({ runId: 'r-1' }, context)).backup.name).toBe('backup-20260315-104300.sql');
  expect((await step.apply({ runId: 'r-2' }, context)).backup.name).toBe('backup-20260315-104300-2.sql');
});
