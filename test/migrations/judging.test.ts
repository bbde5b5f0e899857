import { expect, test } from 'vitest';
import type { Migration } from '../../src/model/release.ts';
import { judgeEach } from '../../src/schema-changes/judge-each.ts';
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
