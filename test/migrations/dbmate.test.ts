import { expect, test } from 'vitest';
import { dbmate } from '../../src/adapters/migrations/dbmate.ts';

const parse = (files: Record<string, string>) =>
  dbmate().parse(Object.entries(files).map(([path, content]) => ({ path, content })));

test('version, name, up and down, in order of version, with the lines of the file', () => {
  const migrations = parse({
    'db/migrations/20260102_add_total.sql':
      '\ufeff-- note\r\n\r\n-- migrate:up transaction:false\r\nALTER TABLE t ADD b;\r\n\r\n-- migrate:down\r\nALTER TABLE t DROP b;\r\n',
    'db/migrations/20260101_create.sql': '-- migrate:up\nCREATE TABLE t (a);\n',
    'db/migrations/README.md': 'not one',
    'db/migrations/notes.sql': 'not one either',
  });
  expect(migrations).toEqual([
    {
      version: '20260101',
      name: 'create',
      file: 'db/migrations/20260101_create.sql',
      up: '\nCREATE TABLE t (a);\n',
      down: undefined,
    },
    {
      version: '20260102',
      name: 'add_total',
      file: 'db/migrations/20260102_add_total.sql',
      up: '\n\n\nALTER TABLE t ADD b;\n',
      down: '\n\n\n\n\n\nALTER TABLE t DROP b;\n',
      transaction: false,
    },
  ]);
  expect(migrations[1]?.up.split('\n')[3]).toBe('ALTER TABLE t ADD b;');
});

test('a down with nothing in it is none', () => {
  const [migration] = parse({
    '1_a.sql': '-- migrate:up\nSELECT 1;\n-- migrate:down\n-- nothing /* here */\n ;\n',
  });
  expect(migration?.down).toBeUndefined();
});

test.each([
  ['no directive', 'CREATE TABLE t (a);', 1, 'There is no "-- migrate:up" line.'],
  ['down first', '-- migrate:down\n-- migrate:up\n', 1, 'There is no "-- migrate:up" before it.'],
  [
    'up twice',
    '-- migrate:up\n\n-- migrate:up\n',
    3,
    '"migrate:up" and "migrate:down" may each be there once.',
  ],
  ['SQL before it', '\nSELECT 1;\n-- migrate:up\n', 2, 'There is SQL before "-- migrate:up".'],
  ['another word', '-- migrate:sideways\n', 1, '"migrate:sideways" is not known.'],
  ['another option', '-- migrate:up trans:false\n', 1, 'The option "trans:false" is not known.'],
])('%s is refused with file and line', (_, content, line, detail) => {
  expect(() => parse({ 'm/1_a.sql': content })).toThrowError(
    expect.objectContaining({
      code: 'MIGRATION_UNREADABLE',
      summary: `The migration m/1_a.sql:${line} can't be read as dbmate's`,
      detail,
    }),
  );
});

test('two files of one version are refused', () => {
  expect(() => parse({ '1_a.sql': '-- migrate:up\n', '1_b.sql': '-- migrate:up\n' })).toThrowError(
    expect.objectContaining({ detail: '1_a.sql has the same version 1.' }),
  );
});
