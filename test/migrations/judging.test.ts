import { expect, test } from 'vitest';
import type { Migration } from '../../src/model/release.ts';
import { judgeEach } from '../../src/schema-changes/judge-each.ts';
import { judgeReversal } from '../../src/schema-changes/judge-reversal.ts';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import { stopsOldCode } from '../../src/schema-changes/verdict.ts';

const sql = (version: string, up: string): Migration => ({
  version,
  name: version,
  file: `${version}.sql`,
  up,
  down: undefined,
});
const code = (version: string): Migration => ({
  ...sql(version, ''),
  file: `${version}.rb`,
  opaque: 'It is written in Ruby.',
});

const CREATE = sql('1', 'CREATE TABLE t (a INTEGER PRIMARY KEY);');
const ADD = sql('2', 'ALTER TABLE t ADD COLUMN b TEXT;');
const DROP = sql('3', 'ALTER TABLE t DROP COLUMN b;');

test('code is never judged safe, and does not matter where the target ships it', async () => {
  const { findings } = await judgeSpan({ before: [CREATE], migrations: [code('2')] }, 'sqlite');
  expect(findings).toMatchObject([
    { verdict: 'unknown', file: '2.rb', line: 1, why: 'It is written in Ruby.' },
  ]);
  expect(findings.every(stopsOldCode)).toBe(true);
  const shipped = await judgeSpan({ before: [CREATE, code('2')], migrations: [ADD] }, 'sqlite');
  expect(shipped.findings.map(({ verdict }) => verdict)).toEqual(['safe']);
});

test('each for itself: what cancels out together does not', async () => {
  const migrations = [ADD, DROP];
  const together = await judgeSpan({ before: [CREATE], migrations }, 'sqlite');
  expect(together.findings.filter(stopsOldCode)).toEqual([]);
  const { findings } = await judgeEach({ before: [CREATE], migrations }, 'sqlite');
  expect(findings.map(({ file, verdict }) => `${file} ${verdict}`)).toEqual([
    '2.sql safe',
    '3.sql data-destroyed',
  ]);
});

test('each is judged as it is in a span of its own', async () => {
  const all = [
    CREATE,
    ADD,
    sql('3', 'ALTER TABLE t RENAME COLUMN b TO c;'),
    sql('4', 'UPDATE t SET c = 1;'),
    sql('5', 'DROP TABLE t;'),
  ];
  const { findings } = await judgeEach({ before: [], migrations: all }, 'sqlite');
  for (const [i, migration] of all.entries()) {
    const alone = await judgeSpan({ before: all.slice(0, i), migrations: [migration] }, 'sqlite');
    expect(findings.filter(({ file }) => file === migration.file)).toEqual(alone.findings);
  }
});

test.each(['sqlite', 'postgresql', 'mysql'] as const)(
  'a placeholder outside of texts is unknown: %s',
  async (engine) => {
    const of = (name: string) => `\${${name}}`;
    const up = [
      `INSERT INTO t (b) VALUES ('${of('value')}') /* ${of('remark')} */;`,
      `ALTER TABLE ${of('table')} ADD COLUMN c TEXT;`,
      `ALTER TABLE "${of('table')}" ADD COLUMN d TEXT;`,
    ];
    const { findings } = await judgeSpan(
      { before: [CREATE, ADD], migrations: [sql('3', up.join('\n'))] },
      engine,
    );
    expect(
      findings.filter(({ verdict }) => verdict === 'unknown').map(({ line, why }) => [line, why]),
    ).toEqual([
      [2, `It has the placeholder ${of('table')}, whose value is not known here.`],
      [3, `It has the placeholder ${of('table')}, whose value is not known here.`],
    ]);
  },
);

test('a table that was made anew before can be made anew again, by one migration or by several', async () => {
  const anew = [
    'CREATE TABLE n (a INTEGER PRIMARY KEY, b TEXT);',
    'INSERT INTO n SELECT a, b FROM t;',
    'DROP TABLE t;',
    'ALTER TABLE n RENAME TO t;',
  ];
  const before = [CREATE, ADD, ...anew.map((up, i) => sql(`${i + 3}`, up)), sql('7', anew.join('\n'))];
  const { findings } = await judgeSpan({ before, migrations: [sql('8', anew.join('\n'))] }, 'sqlite');
  expect(findings).toEqual([]);
  const each = await judgeEach({ before: before.slice(0, 2), migrations: before.slice(2) }, 'sqlite');
  expect(each.findings.map(({ file, rule, verdict }) => `${file} ${rule} ${verdict}`)).toEqual([
    '3.sql create-table safe',
    '5.sql rename-table reads-fail',
    '6.sql rename-table reads-fail',
  ]);
});

test('a value that is put into two columns is the one of its name', async () => {
  const before = [
    CREATE,
    sql('2', 'CREATE TABLE u (id INTEGER, t INTEGER); INSERT INTO u (t, id) SELECT a, a FROM t;'),
  ];
  const rename = sql('3', 'ALTER TABLE u RENAME COLUMN t TO r;');
  const { findings } = await judgeSpan({ before, migrations: [rename] }, 'sqlite');
  expect(findings.map(({ why }) => why)).toEqual([expect.stringContaining('the column is now called r.')]);
});

/** Migrations that go on from one another in every way that the catalog follows. */
const HISTORY = [
  "CREATE TYPE mood AS ENUM ('new', 'paid'); CREATE TABLE t (a int PRIMARY KEY, b text NOT NULL DEFAULT 'x', m mood)",
  'CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t (a)); CREATE UNIQUE INDEX u_t ON u (t)',
  'CREATE TABLE some AS SELECT a, b FROM t WHERE a > 5',
  "ALTER TYPE mood ADD VALUE 'late'; ALTER TABLE u ADD COLUMN n int",
  "UPDATE some SET b = 'y'; UPDATE t SET b = 'y'",
  'ALTER TABLE t RENAME TO old_t; CREATE VIEW t AS SELECT * FROM old_t',
  'DROP VIEW t; ALTER TABLE old_t RENAME TO t; ALTER TABLE elsewhere ADD COLUMN x int; UPDATE elsewhere SET y = 1',
  'DROP INDEX u_t; ALTER TABLE u RENAME COLUMN n TO m; CREATE TRIGGER g BEFORE INSERT ON u EXECUTE FUNCTION f()',
  "ALTER TYPE mood RENAME VALUE 'new' TO 'fresh'; ALTER TYPE mood RENAME TO humour; DROP TRIGGER g ON u",
  'CREATE SCHEMA s; ALTER TABLE u SET SCHEMA s; CREATE TABLE u (id int PRIMARY KEY)',
  'ALTER SCHEMA s RENAME TO z; ALTER TABLE z.u DROP COLUMN m; DELETE FROM some',
  'CREATE TABLE t2 (a int PRIMARY KEY, b text); INSERT INTO t2 SELECT a, b FROM t; DROP TABLE t; ALTER TABLE t2 RENAME TO t',
  'ALTER TABLE t ALTER COLUMN b SET NOT NULL; ALTER TABLE t ADD CHECK (a > 0); DROP SCHEMA z CASCADE',
];

test('a long history leaves nothing behind from one migration to the next, nor from one down', async () => {
  const all = HISTORY.map((up, i) => ({
    ...sql(`${i + 1}`, up),
    down: `${HISTORY[(i * 5) % HISTORY.length]}; DROP TABLE t; ALTER TABLE u ADD COLUMN q${i} int`,
  }));
  const { findings } = await judgeEach({ before: [], migrations: all }, 'postgresql');
  const reversal = await judgeReversal(all, 'postgresql');
  for (const [i, migration] of all.entries()) {
    const before = all.slice(0, i);
    const alone = await judgeSpan({ before, migrations: [migration] }, 'postgresql');
    const said = findings.filter(({ file }) => file === migration.file);
    expect(said.map((one) => JSON.stringify(one)).sort()).toEqual(
      alone.findings.map((one) => JSON.stringify(one)).sort(),
    );
    const back = await judgeReversal([migration], 'postgresql', before);
    expect(reversal.verdicts[i]).toBe(back.verdicts[0]);
    expect(reversal.lossy.filter(({ file }) => file === migration.file)).toEqual(back.lossy);
  }
});

test('a table that some rows of another were put into is a table of its own from then on', async () => {
  const before = [CREATE, sql('2', 'CREATE TABLE some AS SELECT a FROM t WHERE a > 5;')];
  const said = async (up: string) =>
    (await judgeSpan({ before, migrations: [sql('3', up)] }, 'sqlite')).findings.map(({ rule }) => rule);
  expect(await said('ALTER TABLE t ADD COLUMN b TEXT;')).toEqual(['add-column']);
  expect(await said('DELETE FROM some;')).toEqual(['delete-data']);
});
