import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { sqliteDatabase } from '../../src/adapters/database/sqlite.ts';
import type { DatabaseFixture } from '../contracts/database.ts';

const ODD_SQL = `
PRAGMA user_version=7; PRAGMA application_id=99;
CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY);
INSERT INTO schema_migrations VALUES ('20260102'), ('20260101');
CREATE TABLE "or""d er" (a, "b;c" TEXT DEFAULT 'x;y', g INT GENERATED ALWAYS AS (a * 2) VIRTUAL);
INSERT INTO "or""d er"(a, "b;c") VALUES (1, 'it''s'), (9223372036854775807, 'nul' || char(0) || 'x'),
  (-9223372036854775808, char(13, 10)), (9e999, 'ü😀
;
.quit
'), (-9e999, CAST(X'ff41' AS TEXT)), (0.1, NULL), (1e300, ''), (-0.0, '--x'), (2.2250738585072014e-308, '/* '),
  (5.0, '5'), (X'00ff27', 'blob'), (1234567890.1234567, '''');
CREATE TABLE ai (id INTEGER PRIMARY KEY AUTOINCREMENT, v);
INSERT INTO ai(v) VALUES ('a'), ('b'), ('c'); DELETE FROM ai WHERE v <> 'a';
CREATE TABLE nr (x, y, PRIMARY KEY (y, x)) WITHOUT ROWID; INSERT INTO nr VALUES (1, 'b'), (2, 'a');
CREATE TABLE st (id INT PRIMARY KEY, v ANY) STRICT; INSERT INTO st VALUES (1, '1'), (2, 2), (3, 2.5);
CREATE TABLE gap (v); INSERT INTO gap VALUES (1), (2), (3); DELETE FROM gap WHERE v = 2;
CREATE TABLE allrow (rowid, _rowid_, oid); INSERT INTO allrow VALUES (1, 2, 3), (4, 5, 6);
CREATE TABLE pkd (id INTEGER PRIMARY KEY DESC, v); INSERT INTO pkd VALUES (5, 1), (3, 2);
CREATE VIRTUAL TABLE f USING fts5(body, tokenize='porter'); INSERT INTO f VALUES ('hello worlds'), ('other');
CREATE VIRTUAL TABLE rt USING rtree(id, a, b); INSERT INTO rt VALUES (1, 0, 2);
CREATE VIEW v AS SELECT * FROM ai -- trailing
;
CREATE TRIGGER tr AFTER INSERT ON ai BEGIN INSERT INTO gap VALUES (CASE WHEN new.v THEN 1 ELSE 2 END); END;
CREATE UNIQUE INDEX ix ON ai(v) WHERE v IS NOT NULL; CREATE INDEX ex ON ai(lower(v));
CREATE TABLE empty (a); CREATE TABLE fk (a REFERENCES ai(id)); ANALYZE;
PRAGMA foreign_keys=OFF; INSERT INTO fk VALUES (77);
`;

export async function sqliteFixture(): Promise<DatabaseFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'rda-sqlite-'));
  const path = join(folder, 'the shop?.db');
  const backupFolder = join(folder, 'backups');
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  let live = new Libsql(path);
  live.exec('PRAGMA journal_mode=WAL');
  live.exec(ODD_SQL);
  const on = <T>(restored: string | undefined, work: (db: Libsql.Database) => T): T => {
    if (restored === undefined) return work(live);
    const db = new Libsql(restored);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  return {
    database: sqliteDatabase({
      path,
      label: 'the shop?.db',
      history: { table: 'schema_migrations', column: 'version' },
      backupFolder,
      keep: 2,
    }),
    backupFolder,
    extension: 'sql',
    table: (name) => name,
    place: (name) => join(scratch, `${name}.db`),
    places: async () => (await readdir(scratch)).map((name) => join(scratch, name)),
    async occupy(into) {
      await writeFile(into, 'precious');
    },
    async exec(sql) {
      live.exec(sql);
    },
    async fill(rows) {
      live.exec(`CREATE TABLE filler (x TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
        INSERT INTO filler SELECT printf('%0200d', i) FROM n`);
    },
    content: async (restored) => on(restored, contentOf),
    number: async (sql, restored) =>
      on(restored, (db) => Number((db.prepare(sql).raw().get() as unknown as unknown[])[0])),
    async destroy() {
      live.close();
      for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
      live = new Libsql(':memory:');
    },
    async end() {
      live.close();
      await rm(folder, { recursive: true });
    },
  };
}

function contentOf(db: Libsql.Database): string {
  const rows = (sql: string) => JSON.stringify(db.prepare(sql).raw().all());
  const lines = [
    ...['user_version', 'application_id', 'encoding', 'page_size', 'auto_vacuum', 'journal_mode'].map(
      (name) => `${name} ${rows(`PRAGMA ${name}`)}`,
    ),
    rows(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_autoindex%' ORDER BY type, name`,
    ),
    rows(`SELECT id, body FROM (SELECT rowid AS id, body FROM f WHERE f MATCH 'world')`),
    rows('SELECT id, a, b FROM rt WHERE a < 1'),
    rows('PRAGMA integrity_check'),
  ];
  const tables = db.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name`,
  );
  for (const [table] of tables.raw().all() as unknown as [string][]) {
    const quoted = `"${table.replaceAll('"', '""')}"`;
    const columns = (
      db.prepare(`SELECT name FROM pragma_table_xinfo(?)`).raw().all(table) as unknown as [string][]
    ).map(([name]) => `"${name.replaceAll('"', '""')}"`);
    const exact = columns.map((c) => `typeof(${c}) || ':' || hex(${c}) || ':' || printf('%!.17g', ${c})`);
    const order = columns.join(', ');
    lines.push(`${table} ${rows(`SELECT ${exact.join(', ')} FROM ${quoted} ORDER BY ${order}`)}`);
  }
  lines.push(
    rows('SELECT rowid, v FROM gap ORDER BY rowid'),
    rows('SELECT rowid, * FROM pkd ORDER BY rowid'),
  );
  return lines.join('\n');
}
