import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import Libsql from 'libsql';
import { expect, test } from 'vitest';
import { sqliteDatabase } from '../src/adapters/database/sqlite.ts';

const SHELL = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'sqlite3')));

/** A second opinion: another SQLite restores the dump by hand, as the documentation says. */
test.skipIf(!SHELL)('the sqlite3 shell restores a backup to the same content', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rda-shell-'));
  const path = join(folder, 'live.db');
  const db = new Libsql(path);
  db.exec(`PRAGMA user_version=7; CREATE TABLE t (a, b TEXT, g AS (a || b)); CREATE TABLE gap (v);
    INSERT INTO t(a, b) VALUES (1, 'it''s'), (-9223372036854775808, 'nul' || char(0) || 'x'), (9e999, char(13, 10) || 'x'),
      (0.1, CAST(X'ff41' AS TEXT)), (X'00ff', '
.quit
go
;'), (1234567890.1234567, NULL), (-0.0, '');
    INSERT INTO gap VALUES (1), (2), (3); DELETE FROM gap WHERE v = 2;
    CREATE TABLE ai (id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO ai(v) VALUES (1), (2); DELETE FROM ai WHERE v = 2;
    CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('hello world');
    CREATE TRIGGER tr AFTER INSERT ON ai BEGIN DELETE FROM gap; END; CREATE VIEW v AS SELECT a FROM t; CREATE INDEX i ON t(b);`);
  const database = sqliteDatabase({
    path,
    label: 'live.db',
    history: { table: 'm', column: 'v' },
    backupFolder: folder,
    keep: 1,
  });
  const backup = await database.backUp({ nowMs: 0, signal: new AbortController().signal, progress() {} });
  const restored = join(folder, 'restored.db');
  const sqlite3 = (...args: string[]) => execFileSync('sqlite3', args, { encoding: 'utf8' });
  execFileSync('sqlite3', ['-bail', restored], { input: await readFile(backup.path) });
  const questions = `SELECT rowid, typeof(a), hex(a), printf('%!.17g', a), typeof(b), hex(b), hex(g) FROM t ORDER BY rowid;
    SELECT rowid, v FROM gap ORDER BY rowid; SELECT * FROM sqlite_sequence; SELECT * FROM ai; SELECT * FROM v WHERE a = 1;
    SELECT rowid, * FROM f WHERE f MATCH 'world'; PRAGMA user_version; PRAGMA integrity_check;
    SELECT type, name, sql FROM sqlite_schema ORDER BY type, name;`;
  expect(sqlite3(restored, questions)).toBe(sqlite3(path, questions));
  db.close();
  await rm(folder, { recursive: true });
});
