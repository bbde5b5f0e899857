import { describe, expect, test } from 'vitest';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import * as fixtures from './fixtures.ts';
import { type Folder, filesOf } from './fixtures.ts';

type Row = [what: string, format: keyof typeof migrationSources, folder: Folder, at: string, detail: string];

const JOURNAL = (entries: unknown) => ({ 'm/meta/_journal.json': JSON.stringify({ entries }) });
const PLAN = (...lines: string[]) => ({
  'p/sqitch.plan': ['%project=shop', '', ...lines].join('\n'),
  'p/deploy/a.sql': 'SELECT 1;',
});
const BY = '2026-01-01T00:00:00Z Ana <a@example.com>';

const ROWS: Row[] = [
  [
    'two ups of a version',
    'golang-migrate',
    { 'm/1_a.up.sql': '', 'm/01_b.up.sql': '' },
    'm/01_b.up.sql:1',
    'm/1_a.up.sql has the same version 1.',
  ],
  [
    'two downs of a version',
    'golang-migrate',
    { 'm/1_a.up.sql': '', 'm/1_a.down.sql': '', 'm/1_b.down.sql': '' },
    'm/1_b.down.sql:1',
    'm/1_a.down.sql has the same version 1.',
  ],
  ['no number', 'sqlx', { 'm/x_a.sql': '' }, 'm/x_a.sql:1', 'The name does not begin with a whole number.'],
  [
    'two of a version',
    'sqlx',
    { 'm/1_a.sql': '', 'm/1_b.up.sql': '' },
    'm/1_b.up.sql:1',
    'm/1_a.sql has the same version 1.',
  ],
  [
    'two of a version',
    'diesel',
    { 'm/2026-01-01_a/up.sql': '', 'm/20260101_b/up.sql': '' },
    'm/20260101_b/up.sql:1',
    'm/2026-01-01_a/up.sql has the same version 20260101.',
  ],
  [
    'versions that are equal as numbers',
    'flyway',
    { 'm/V1__a.sql': '', 'm/V1.0__b.sql': '' },
    'm/V1.0__b.sql:1',
    'm/V1__a.sql has the same version 1.',
  ],
  ['no Up', 'goose', { 'm/1_a.sql': 'SELECT 1;' }, 'm/1_a.sql:1', 'There is no "-- +goose Up" line.'],
  [
    'Down first',
    'goose',
    { 'm/1_a.sql': '-- +goose Down\n-- +goose Up\n' },
    'm/1_a.sql:1',
    '"+goose Down" may be there once, after "+goose Up".',
  ],
  [
    'Up twice',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n\n-- +goose Up\n' },
    'm/1_a.sql:3',
    '"+goose Up" may be there once, before "+goose Down".',
  ],
  [
    'an unknown word',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n-- +goose Sideways\n' },
    'm/1_a.sql:2',
    '"+goose Sideways" is not known.',
  ],
  [
    'an indented annotation',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n  -- +goose Down\n' },
    'm/1_a.sql:2',
    'There are spaces before the annotation.',
  ],
  [
    'a begin without an end',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n-- +goose StatementBegin\nSELECT 1;' },
    'm/1_a.sql:3',
    'There is no "+goose StatementEnd".',
  ],
  [
    'an end without a begin',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n-- +goose StatementEnd\n' },
    'm/1_a.sql:2',
    'There is no "+goose StatementBegin" before it.',
  ],
  ['version 0', 'goose', { 'm/0_a.sql': '-- +goose Up\n' }, 'm/0_a.sql:1', 'Its version must be above 0.'],
  [
    'SQL and Go of a version',
    'goose',
    { 'm/1_a.sql': '-- +goose Up\n', 'm/01_b.go': '' },
    'm/01_b.go:1',
    'm/1_a.sql has the same version 1.',
  ],
  [
    'a journal that is no JSON',
    'drizzle',
    { 'm/meta/_journal.json': '{' },
    'm/meta/_journal.json:1',
    'It is not a JSON object.',
  ],
  [
    'a journal without entries',
    'drizzle',
    JOURNAL([{ tag: 'a' }]),
    'm/meta/_journal.json:1',
    'It has no list of entries, each with "tag" and "when".',
  ],
  [
    'a file that is not there',
    'drizzle',
    JOURNAL([{ tag: 'a', when: 1 }]),
    'm/meta/_journal.json:1',
    'It names a, and there is no m/a.sql.',
  ],
  [
    'a changeset without an id',
    'liquibase',
    { 'm/a.sql': '--liquibase formatted sql\n--changeset ana\nSELECT 1;' },
    'm/a.sql:2',
    'A changeset is written "--changeset author:id".',
  ],
  [
    'one dash',
    'liquibase',
    { 'm/a.sql': '--liquibase formatted sql\n-changeset ana:1\nSELECT 1;' },
    'm/a.sql:2',
    'A changeset is written "--changeset author:id".',
  ],
  [
    'SQL before the first',
    'liquibase',
    { 'm/a.sql': '--liquibase formatted sql\n\nSELECT 1;\n--changeset ana:1\nSELECT 1;' },
    'm/a.sql:3',
    'There is SQL before the first "--changeset".',
  ],
  [
    'nothing in it',
    'liquibase',
    { 'm/a.sql': '--liquibase formatted sql\n--changeset ana:1\n--rollback SELECT 1;' },
    'm/a.sql:2',
    'The changeset ana:1 has no SQL.',
  ],
  [
    'the same twice',
    'liquibase',
    { 'm/a.sql': '--liquibase formatted sql\n--changeset ana:1\nSELECT 1;\n--changeset ana:1\nSELECT 2;' },
    'm/a.sql:1',
    'm/a.sql has the same version m/a.sql::1::ana.',
  ],
  ['no project', 'sqitch', { 'p/sqitch.plan': '\n' }, 'p/sqitch.plan:1', 'There is no "%project" line.'],
  [
    'no date',
    'sqitch',
    PLAN('a Ana <a@example.com>'),
    'p/sqitch.plan:3',
    'It is not a change with its date and planner.',
  ],
  ['planned twice', 'sqitch', PLAN(`a ${BY}`, `a ${BY}`), 'p/sqitch.plan:4', 'a is planned already.'],
  ['a revert', 'sqitch', PLAN(`-a ${BY}`), 'p/sqitch.plan:3', 'Changes that revert others are not known.'],
  [
    'no script',
    'sqitch',
    PLAN(`b ${BY}`),
    'p/deploy/b.sql:1',
    'sqitch.plan names b, and the file is not there.',
  ],
  [
    'two of a version',
    'atlas',
    { 'm/1_a.sql': '', 'm/1_b.sql': '' },
    'm/1_b.sql:1',
    'm/1_a.sql has the same version 1.',
  ],
  [
    'two of a version',
    'rails',
    { 'm/1_a.rb': '', 'm/01_b.rb': '' },
    'm/01_b.rb:1',
    'm/1_a.rb has the same version 1.',
  ],
];

test.each(ROWS)('%s is refused as %s with file and line', (_, format, folder, at, detail) => {
  const source = migrationSources[format]();
  expect(() => source.parse(filesOf(folder))).toThrowError(
    expect.objectContaining({
      code: 'MIGRATION_UNREADABLE',
      summary: `The migration ${at} can't be read as ${source.tool}'s`,
      detail,
    }),
  );
});

describe('goose', () => {
  const read = (content: string) => migrationSources.goose().parse(filesOf({ 'm/1_a.sql': content }))[0];

  test('what comes from the environment is not known', () => {
    const content =
      "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE $NAME (id int);\n-- +goose ENVSUB OFF\nSELECT '$x';";
    expect(read(content)).toMatchObject({ up: '', opaque: expect.stringContaining('ENVSUB') });
    expect(read(content.replace('$NAME', 'orders'))?.opaque).toBeUndefined();
    expect(read("-- +goose Up\nSELECT '$x';")?.opaque).toBeUndefined();
  });

  test('a migration in Go is there, and not known', () => {
    const folder = { 'm/2_b.go': 'package m', 'm/main.go': '', 'm/2_b_test.go': '' };
    expect(migrationSources.goose().parse(filesOf(folder))).toEqual([
      {
        version: '2',
        name: 'b',
        file: 'm/2_b.go',
        up: '',
        down: undefined,
        opaque: 'It is written in Go, so that its SQL is not known.',
      },
    ]);
  });
});

describe('Liquibase', () => {
  const read = (...lines: string[]) =>
    migrationSources
      .liquibase()
      .parse(filesOf({ 'm/a.sql': ['--liquibase formatted sql', ...lines].join('\n') }));

  test('a changeset may be taken back by the SQL of another', () => {
    const [, second] = read(
      '--changeset a:1',
      'DROP TABLE t;',
      '--changeset b:2',
      'CREATE TABLE t (a int);',
      '--rollback changesetId:1 changesetAuthor:a',
    );
    expect(second?.down?.trim()).toBe('DROP TABLE t;');
    expect(read('--changeset b:2', 'SELECT 1;', '--rollback changesetId:9')[0]?.down).toBeUndefined();
  });

  test('ignored lines, up to an end and by number', () => {
    const [only] = read(
      '--changeset a:1',
      '--ignoreLines:start',
      'x',
      '--ignoreLines:end',
      'SELECT 1;',
      '--ignoreLines:2',
      'y',
      'z',
      'SELECT 2;',
    );
    expect(only?.up.replaceAll(/\s+/g, ' ').trim()).toBe('SELECT 1; SELECT 2;');
  });

  test('a logical path stands for the file', () => {
    expect(read('--changeset a:1 logicalFilePath:old.sql', 'SELECT 1;')[0]?.version).toBe('old.sql::1::a');
  });
});

describe('atlas.sum', () => {
  const problems = (folder: Folder) =>
    migrationSources
      .atlas()
      .problems?.(filesOf(folder))
      .map(({ file, line, why }) => `${file}:${line}: ${why}`);
  const edited = (change: (sum: string) => string) => ({
    ...fixtures.atlas,
    'm/atlas.sum': change(fixtures.atlas['m/atlas.sum'] as string),
  });

  test('agrees with the files as the tool left them', () => {
    expect(problems(fixtures.atlas)).toEqual([]);
    expect(problems({})).toEqual([]);
  });

  test.each<[string, Folder, string]>([
    [
      'a changed file',
      { ...fixtures.atlas, 'm/20260102000000_add_total.sql': '-- other\n' },
      'm/atlas.sum:3: 20260102000000_add_total.sql was changed after it was listed.',
    ],
    [
      'a file in between',
      { ...fixtures.atlas, 'm/20260101000001_x.sql': '' },
      'm/atlas.sum:3: 20260101000001_x.sql was added before files that are listed.',
    ],
    [
      'a file at the end',
      { ...fixtures.atlas, 'm/2027_x.sql': '' },
      'm/atlas.sum:5: 2027_x.sql is not listed.',
    ],
    [
      'a file that is gone',
      Object.fromEntries(Object.entries(fixtures.atlas).filter(([path]) => !path.includes('add_total'))),
      'm/atlas.sum:3: 20260102000000_add_total.sql is listed, and is not there any more.',
    ],
    [
      'a line of another kind',
      edited((sum) => sum.replace('20260103000000.sql h1:', '20260103000000.sql ')),
      'm/atlas.sum:4: The line is not a file name and its hash.',
    ],
    [
      'a line left out',
      edited((sum) => sum.replace(/^20260103000000.sql.*\n/m, '')),
      'm/atlas.sum:1: The hash of the whole file is not that of its lines.',
    ],
    [
      'no sum at all',
      { 'm/1_a.sql': 'SELECT 1;' },
      'm/1_a.sql:1: There is no atlas.sum, and Atlas does not run without one.',
    ],
  ])('%s', (_, folder, problem) => {
    expect(problems(folder)).toEqual([problem]);
  });
});
