import Libsql from 'libsql';
import { describe, expect, test } from 'vitest';
import type { Migration } from '../src/model/release.ts';
import { judgeReversal } from '../src/schema-changes/judge-reversal.ts';
import { judgeSpan } from '../src/schema-changes/judge-span.ts';
import type { Verdict } from '../src/schema-changes/verdict.ts';

/** The old code: what it was shipped with, and statements as an ORM writes them, naming every column. */
const BEFORE = `
CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT, total INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL);
CREATE UNIQUE INDEX orders_email ON orders(email);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE kept (id INTEGER PRIMARY KEY, n INTEGER) STRICT;
CREATE TABLE gauge (id INTEGER PRIMARY KEY, v REAL) STRICT;
CREATE VIEW recent AS SELECT id, total FROM orders;
`;
const ROWS = `
INSERT INTO orders VALUES (1, 'a@x', 7, 'n1'), (2, 'b@x', 30, 'n2');
INSERT INTO tags VALUES (1, '007'), (2, 'blue');
INSERT INTO kept VALUES (1, 1);
INSERT INTO gauge VALUES (1, 1.0);
`;
const READS = [
  'SELECT id, email, total, note FROM orders ORDER BY id',
  'SELECT id FROM orders WHERE total > 5 ORDER BY id',
  'SELECT id, name FROM tags ORDER BY id',
  'SELECT id, total FROM recent ORDER BY id',
  'SELECT id, n FROM kept',
  'SELECT id, v FROM gauge',
];
const WRITES = [
  `INSERT INTO orders (email, total, note) VALUES ('c@x', 5, 'n3')`,
  `INSERT INTO orders (email, note) VALUES (NULL, 'n4')`,
  `INSERT INTO orders (email, total, note) VALUES ('c@x', 6, 'n5') ON CONFLICT(email) DO UPDATE SET total = 6`,
  `UPDATE orders SET total = 9, note = 'n6' WHERE id = 2`,
  `INSERT INTO tags (name) VALUES ('green')`,
  `INSERT INTO kept (n) VALUES (5)`,
  `INSERT INTO gauge (v) VALUES (2.5)`,
];

interface Case {
  what: string;
  sql: string | string[];
  /** Rule and verdict of each finding but the safe ones. */
  finds: [rule: string, verdict: Verdict][];
  /** What a real SQLite says of the old code afterwards. */
  reads: 'same' | 'differ' | 'fail';
  writes: 'work' | 'fail';
}

/** The rest of a rebuild as SQLite's manual tells it: https://www.sqlite.org/lang_altertable.html#otheralter */
const rebuild = (definition: string, copy: string, index = true) => `
CREATE TABLE orders_new (${definition});
INSERT INTO orders_new ${copy};
DROP VIEW recent;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
${index ? 'CREATE UNIQUE INDEX orders_email ON orders(email);' : ''}
CREATE VIEW recent AS SELECT id, total FROM orders;`;
const COLUMNS = 'id INTEGER PRIMARY KEY, email TEXT, total INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL';
const COPY = 'SELECT id, email, total, note FROM orders';

const CASES: Case[] = [
  { what: 'a new table', sql: 'CREATE TABLE extra (x)', finds: [], reads: 'same', writes: 'work' },
  {
    what: 'a nullable column',
    sql: 'ALTER TABLE orders ADD COLUMN x TEXT',
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a required column with a default',
    sql: `ALTER TABLE orders ADD COLUMN x TEXT NOT NULL DEFAULT 'd'`,
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  { what: 'an index', sql: 'CREATE INDEX i ON orders(total)', finds: [], reads: 'same', writes: 'work' },
  {
    what: 'a backfill of a new column',
    sql: 'ALTER TABLE orders ADD COLUMN x TEXT; UPDATE orders SET x = note',
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a column added and dropped again, in two files',
    sql: ['ALTER TABLE orders ADD COLUMN x INT NOT NULL DEFAULT 1', 'ALTER TABLE orders DROP COLUMN x'],
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a column renamed and renamed back',
    sql: [
      'ALTER TABLE orders RENAME COLUMN note TO remark',
      'ALTER TABLE orders RENAME COLUMN remark TO note',
    ],
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  { what: 'a rebuild that keeps all', sql: rebuild(COLUMNS, COPY), finds: [], reads: 'same', writes: 'work' },
  {
    what: 'a rebuild with SELECT * that adds a column',
    sql: rebuild(`${COLUMNS}, x TEXT`, `(id, email, total, note) SELECT * FROM orders`),
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a table filled from an old one, then changed',
    sql: 'CREATE TABLE copy (n TEXT); INSERT INTO copy SELECT note FROM orders; UPDATE copy SET n = 1; DELETE FROM copy',
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'rows added and deleted',
    sql: `INSERT INTO kept VALUES (7, 1); DELETE FROM kept WHERE id = 7`,
    finds: [['delete-data', 'data-destroyed']],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a table dropped',
    sql: 'DROP TABLE tags',
    finds: [['drop-table', 'data-destroyed']],
    reads: 'fail',
    writes: 'fail',
  },
  {
    what: 'a table dropped and made again empty',
    sql: 'DROP TABLE tags; CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT UNIQUE)',
    finds: [['name-reused', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'a view dropped',
    sql: 'DROP VIEW recent',
    finds: [['drop-view', 'reads-fail']],
    reads: 'fail',
    writes: 'work',
  },
  {
    what: 'a view without a column',
    sql: 'DROP VIEW recent; CREATE VIEW recent AS SELECT id FROM orders',
    finds: [['change-view', 'reads-fail']],
    reads: 'fail',
    writes: 'work',
  },
  {
    what: 'a view that takes its columns from elsewhere',
    sql: 'DROP VIEW recent; CREATE VIEW recent AS SELECT id, total FROM orders WHERE id > 0',
    finds: [['change-view', 'conditional']],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a view of everything',
    sql: 'DROP VIEW recent; CREATE VIEW recent AS SELECT * FROM tags',
    finds: [['change-view', 'reads-fail']],
    reads: 'fail',
    writes: 'work',
  },
  {
    what: 'a column dropped',
    sql: 'ALTER TABLE orders DROP COLUMN note',
    finds: [['drop-column', 'data-destroyed']],
    reads: 'fail',
    writes: 'fail',
  },
  {
    what: 'a column left out of a rebuild',
    sql: rebuild(
      'id INTEGER PRIMARY KEY, email TEXT, total INTEGER NOT NULL DEFAULT 0',
      'SELECT id, email, total FROM orders',
    ),
    finds: [['drop-column', 'data-destroyed']],
    reads: 'fail',
    writes: 'fail',
  },
  {
    what: 'a table renamed',
    sql: 'ALTER TABLE tags RENAME TO labels',
    finds: [['rename-table', 'reads-fail']],
    reads: 'fail',
    writes: 'fail',
  },
  {
    what: 'a table renamed, with a view in its place',
    sql: 'ALTER TABLE tags RENAME TO labels; CREATE VIEW tags AS SELECT id, name FROM labels',
    finds: [['rename-table', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a column renamed',
    sql: 'ALTER TABLE orders RENAME COLUMN note TO remark',
    finds: [['rename-column', 'reads-fail']],
    reads: 'fail',
    writes: 'fail',
  },
  {
    what: 'a column renamed away, and its name used again',
    sql: `ALTER TABLE orders RENAME COLUMN note TO remark; ALTER TABLE orders ADD COLUMN note TEXT NOT NULL DEFAULT ''`,
    finds: [['name-reused', 'reads-fail']],
    reads: 'differ',
    writes: 'fail',
  },
  {
    what: 'a required column without a default, by rebuild',
    sql: rebuild(`${COLUMNS}, x TEXT NOT NULL`, `SELECT id, email, total, note, 'x' FROM orders`),
    finds: [['add-required-column', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'NOT NULL set by rebuild',
    sql: rebuild(
      COLUMNS.replace('email TEXT', 'email TEXT NOT NULL'),
      `SELECT id, COALESCE(email, ''), total, note FROM orders`,
    ),
    finds: [['set-not-null', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'NOT NULL dropped by rebuild',
    sql: rebuild(COLUMNS.replace('note TEXT NOT NULL', 'note TEXT'), COPY),
    finds: [['drop-not-null', 'conditional']],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a default dropped by rebuild',
    sql: rebuild(COLUMNS.replace(' DEFAULT 0', ''), COPY),
    finds: [['drop-default', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a number turned text by rebuild',
    sql: rebuild(COLUMNS.replace('total INTEGER', 'total TEXT'), COPY),
    finds: [['change-type', 'reads-fail']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'a type of the same affinity',
    sql: rebuild(COLUMNS.replace('note TEXT', 'note VARCHAR(9)'), COPY),
    finds: [],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a strict column made anew without its values',
    sql: 'CREATE TABLE k2 (id INTEGER PRIMARY KEY, n BLOB) STRICT; INSERT INTO k2 (id) SELECT id FROM kept; DROP TABLE kept; ALTER TABLE k2 RENAME TO kept',
    finds: [['name-reused', 'data-destroyed']],
    reads: 'differ',
    writes: 'fail',
  },
  {
    what: 'a strict column whose type refuses what the old code writes',
    sql: 'CREATE TABLE g2 (id INTEGER PRIMARY KEY, v INTEGER) STRICT; INSERT INTO g2 SELECT id, v FROM gauge; DROP TABLE gauge; ALTER TABLE g2 RENAME TO gauge',
    finds: [['change-type', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a strict column turned text',
    sql: 'CREATE TABLE k2 (id INTEGER PRIMARY KEY, n TEXT) STRICT; INSERT INTO k2 SELECT id, n FROM kept; DROP TABLE kept; ALTER TABLE k2 RENAME TO kept',
    finds: [['change-type', 'reads-fail']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'rows left out of a rebuild',
    sql: rebuild(COLUMNS, `${COPY} WHERE id > 1`),
    finds: [['rows-left-out', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'values computed in a rebuild',
    sql: rebuild(COLUMNS, 'SELECT id, email, total * 100, note FROM orders'),
    finds: [['update-data', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'a rewrite in place',
    sql: 'UPDATE orders SET total = total * 100',
    finds: [['update-data', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'a rewrite that begins with WITH',
    sql: 'WITH f AS (SELECT 100 AS x) UPDATE orders SET total = total * (SELECT x FROM f)',
    finds: [['update-data', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'rows deleted',
    sql: 'DELETE FROM orders WHERE id = 1',
    finds: [['delete-data', 'data-destroyed']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'rows replaced',
    sql: `INSERT OR REPLACE INTO tags VALUES (2, 'red')`,
    finds: [['replace-data', 'conditional']],
    reads: 'differ',
    writes: 'work',
  },
  {
    what: 'a unique index dropped',
    sql: 'DROP INDEX orders_email',
    finds: [['drop-unique', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a unique index lost in a rebuild',
    sql: rebuild(COLUMNS, COPY, false),
    finds: [['drop-unique', 'writes-fail']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a new unique index that the writes keep to',
    sql: 'CREATE UNIQUE INDEX u ON orders(note)',
    finds: [['new-constraint', 'conditional']],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a new CHECK that they do not keep to',
    sql: rebuild(`${COLUMNS}, CHECK (total <> 9)`, COPY),
    finds: [['new-constraint', 'conditional']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a new foreign key',
    sql: 'ALTER TABLE orders ADD COLUMN tag INTEGER REFERENCES tags(id)',
    finds: [['new-constraint', 'conditional']],
    reads: 'same',
    writes: 'work',
  },
  {
    what: 'a trigger that refuses',
    sql: `CREATE TRIGGER IF NOT EXISTS t BEFORE INSERT ON tags BEGIN SELECT RAISE(ABORT, 'no'); END`,
    finds: [['new-trigger', 'conditional']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'a generated column in place of an ordinary one',
    sql: rebuild(
      COLUMNS.replace('note TEXT NOT NULL', `note TEXT NOT NULL AS ('n' || id)`),
      '(id, email, total) SELECT id, email, total FROM orders',
    ),
    finds: [['name-reused', 'data-destroyed']],
    reads: 'same',
    writes: 'fail',
  },
  {
    what: 'the schema written by hand',
    sql: 'PRAGMA writable_schema = ON',
    finds: [['unreadable', 'unknown']],
    reads: 'same',
    writes: 'work',
  },
];

describe('what a migration does to the old code, against a real SQLite', () => {
  test.each(CASES)('$what', async ({ sql, finds, reads, writes }) => {
    const files = [sql].flat();
    const verdict = await judge(files);
    expect(verdict.findings.filter((f) => f.verdict !== 'safe').map((f) => [f.rule, f.verdict])).toEqual(
      finds,
    );
    expect(oldCodeAfter(files)).toEqual({ reads, writes });
    for (const [, says] of finds) expect(VERDICT_MEANS[says]({ reads, writes })).toBe(true);
    if (finds.length === 0) expect({ reads, writes }).toEqual({ reads: 'same', writes: 'work' });
  });
});

interface Outcome {
  reads: Case['reads'];
  writes: Case['writes'];
}

/** What must be seen of a verdict; `conditional` and `unknown` promise nothing. */
const VERDICT_MEANS: Record<Verdict, (outcome: Outcome) => boolean> = {
  safe: ({ reads, writes }) => reads === 'same' && writes === 'work',
  conditional: () => true,
  unknown: () => true,
  'writes-fail': ({ reads, writes }) => reads === 'same' && writes === 'fail',
  'reads-fail': ({ reads }) => reads !== 'same',
  // Rows that are gone need not be among those that these reads see.
  'data-destroyed': () => true,
};

test('findings name file, line and statement, and say why and how out', async () => {
  const { findings } = await judge(['CREATE TABLE x (a);\n\n-- gone\nDROP   TABLE\n  tags;']);
  expect(findings.at(-1)).toEqual({
    rule: 'drop-table',
    verdict: 'data-destroyed',
    version: '1001',
    file: 'db/migrations/1001_0.sql',
    line: 4,
    statement: 'DROP TABLE tags',
    why: "The old code's statements on tags fail, and the rows of the table are gone.",
    fix: 'Drop it only once no release that may be gone back to uses it.',
    when: undefined,
    docs: 'docs/rules/drop-table.md',
    allowed: undefined,
  });
});

test('what can’t be parsed is unknown, never safe', async () => {
  for (const sql of [
    'FROBNICATE tags',
    "ATTACH DATABASE 'x' AS y",
    'CREATE TABLE broken (',
    'ROLLBACK',
    'PRAGMA frob = 1',
  ]) {
    const { findings } = await judge([sql]);
    expect(
      findings.map((f) => [f.rule, f.verdict]),
      sql,
    ).toEqual([['unreadable', 'unknown']]);
  }
});

test('a table that no migration made is taken to have been there', async () => {
  const { findings } = await judge([
    'DROP TABLE legacy;\nALTER TABLE old2 DROP COLUMN c;\nUPDATE old3 SET a = 1;\nALTER TABLE old4 ADD COLUMN z TEXT NOT NULL',
  ]);
  expect(findings.map((f) => f.rule)).toEqual([
    'drop-table',
    'drop-column',
    'update-data',
    'add-required-column',
  ]);
});

test('what an unreadable earlier migration made is not taken to be absent', async () => {
  const before = [migration('1', 'CREATE TABLE t (a); FROBNICATE t ADD b;')];
  const drops = [
    migration('2', 'ALTER TABLE t DROP COLUMN b;\nDROP INDEX made_elsewhere;\nUPDATE t SET c = 1;'),
  ];
  const { findings } = await judgeSpan({ before, migrations: drops }, 'sqlite');
  expect(findings.map((f) => [f.rule, f.verdict])).toEqual([
    ['drop-column', 'data-destroyed'],
    ['unreadable', 'unknown'],
    ['update-data', 'data-destroyed'],
  ]);
});

test('downs: which are missing, and what they destroy', async () => {
  const migrations = [
    { ...migration('1', 'CREATE TABLE a (x)'), down: 'DROP TABLE a;' },
    { ...migration('2', 'CREATE INDEX i ON a(x)'), down: 'DROP INDEX i;' },
    migration('3', 'CREATE TABLE b (x)'),
  ];
  const { missing, lossy } = await judgeReversal(migrations, 'sqlite');
  expect(missing.map((m) => m.version)).toEqual(['3']);
  expect(lossy.map((place) => place.statement)).toEqual(['DROP TABLE a']);
});

function judge(files: string[]) {
  const migrations = files.map((sql, i) => migration(`${1001 + i}`, sql, `${i}`));
  return judgeSpan({ before: [migration('1000', BEFORE)], migrations }, 'sqlite');
}

function migration(version: string, up: string, name = 'm'): Migration {
  return { version, name, file: `db/migrations/${version}_${name}.sql`, up, down: undefined };
}

function oldCodeAfter(files: string[]): Outcome {
  const before = new Libsql(':memory:');
  const after = new Libsql(':memory:');
  try {
    for (const db of [before, after]) db.exec(BEFORE + ROWS);
    for (const sql of files) after.exec(sql);
    const reads = READS.map((sql) => (read(before, sql) === read(after, sql) ? 'same' : read(after, sql)));
    const failing = WRITES.filter((sql) => {
      before.exec(sql);
      return !succeeds(() => after.exec(sql));
    });
    const worst = reads.includes('error') ? 'fail' : reads.every((r) => r === 'same') ? 'same' : 'differ';
    return { reads: worst, writes: failing.length > 0 ? 'fail' : 'work' };
  } finally {
    before.close();
    after.close();
  }
}

function read(db: Libsql.Database, sql: string): string {
  try {
    return JSON.stringify(db.prepare(sql).raw().all());
  } catch {
    return 'error';
  }
}

function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
