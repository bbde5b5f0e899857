import { describe, expect, test } from 'vitest';
import { detectTools } from '../../src/adapters/migrations/detect.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import { compareHistory } from '../../src/checks/migration-history.ts';
import type { MigrationFormat } from '../../src/model/migration-formats.ts';
import type { HistoryEntry, HistoryRow, TableColumns } from '../../src/model/migration-history.ts';
import { appliedVersions } from '../../src/model/migration-history.ts';
import * as fixtures from './fixtures.ts';
import { type Folder, filesOf } from './fixtures.ts';

function read(format: MigrationFormat, rows: HistoryRow[], folder: Folder = {}): HistoryEntry[] {
  const source = migrationSources[format]();
  return source.history.read(rows, source.parse(filesOf(folder)));
}

function said(entries: HistoryEntry[]): string[] {
  return entries.map(({ version, state }) => (state === 'applied' ? version : `${version} ${state}`));
}

/** Rows as the tools themselves left them in SQLite after all migrations of their folder. */
const RECORDED: [MigrationFormat, Folder, HistoryRow[]][] = [
  ['golang-migrate', fixtures.golangMigrate, [{ version: '10', dirty: '0' }]],
  ['goose', fixtures.goose, ['0', '1', '2', '10'].map((version_id) => ({ version_id, is_applied: '1' }))],
  [
    'sqitch',
    {
      ...fixtures.sqitch,
      'p/sqitch.plan': fixtures.sqitch['p/sqitch.plan']?.replace(' !lib:other', '') as string,
    },
    [
      ['854e79680ae1750842581497964699ee233f5b15', '6158faf028ccc2c5bff6b9a3660f8044ba74808f', 'orders'],
      ['603abfabec83624eb3b411cfa94e0fde6082a4c9', '851219f7a36ca35cc3c567e5e0a2fa224fa7dcaa', 'total'],
      ['af2c6b85266f904d80647a997f414019ac04eedf', 'abd2248425df3ce1e81dec4bc960b881dc479306', 'total'],
    ].map(([change_id, script_hash, change]) => ({ change_id, script_hash, change, project: 'shop' })),
  ],
  [
    'flyway',
    fixtures.flyway,
    [
      ['1', 'create orders', 'V1__create_orders.sql', '-85831012'],
      ['1.2', 'add total', 'V1_2__add_total.sql', '1588577427'],
      ['1.10', 'rename note', 'V1.10__rename_note.sql', '-1309750806'],
      [null, 'a report', 'R__a_report.sql', '78787420'],
      [null, 'order view', 'R__order_view.sql', '1413507753'],
    ].map(([version, description, script, checksum]) => ({
      version,
      description,
      type: 'SQL',
      script,
      checksum,
      success: '1',
    })),
  ],
  [
    'liquibase',
    fixtures.liquibase,
    [
      ['1', 'ana', 'm/second.sql'],
      ['two b', 'Bo Li', 'm/second.sql'],
      ['3', 'ana', 'm/first.sql'],
    ].map(([id, author, filename]) => ({ id, author, filename, exectype: 'EXECUTED' })),
  ],
  [
    'drizzle',
    fixtures.drizzle,
    [
      {
        created_at: '1767225600000',
        hash: '732bfb4613bd74c8b2a17695688f094d191b1f4d70cdd00bd22899c2ae97e18c',
      },
      {
        created_at: '1767312000000',
        hash: 'a21b1018a0d94882bc130a39c6bcb54e6806cc69a2d671f517eaebce2d1706f0',
      },
    ],
  ],
  [
    'knex',
    fixtures.knex,
    ['20260101000000_create_orders.js', '20260102000000_add_total.js'].map((name) => ({ name, batch: '1' })),
  ],
  [
    'sequelize',
    fixtures.sequelize,
    ['20260101000000-create-orders.js', '20260102000000-add-total.js'].map((name) => ({ name })),
  ],
  [
    'typeorm',
    fixtures.typeorm,
    [
      { timestamp: '1767225600000', name: 'CreateOrders1767225600000' },
      { timestamp: '1767312000000', name: 'AddTotal1767312000000' },
    ],
  ],
  ['alembic', fixtures.alembic, [{ version_num: '0c' }]],
  [
    'django',
    fixtures.django,
    [
      { app: 'shop', name: '0001_initial' },
      { app: 'audit', name: '0001_initial' },
      { app: 'shop', name: '0002_total' },
    ],
  ],
];

test.each(RECORDED)('what %s recorded is exactly its files, in their order', (format, folder, rows) => {
  const source = migrationSources[format]();
  const shipped = source.parse(filesOf(folder));
  const entries = source.history.read(rows, shipped);
  expect(appliedVersions(entries)).toEqual(shipped.map(({ version }) => version));
  expect(compareHistory(entries, shipped, source.tool)).toEqual([]);
});

describe('states', () => {
  test('golang-migrate: dirty, before the first, and a version without a file', () => {
    const folder = fixtures.golangMigrate;
    expect(said(read('golang-migrate', [], folder))).toEqual([]);
    expect(said(read('golang-migrate', [{ version: 2, dirty: true }], folder))).toEqual(['1', '2 failed']);
    expect(said(read('golang-migrate', [{ version: '-1', dirty: 't' }], folder))).toEqual(['-1 failed']);
    expect(said(read('golang-migrate', [{ version: '7', dirty: 'f' }], folder))).toEqual(['1', '2', '7']);
  });

  test('goose: the last step of a version counts', () => {
    const rows = [
      [0, 1],
      [1, true],
      [2, 't'],
      [1, 'f'],
      [1, 1],
      [2, 0],
    ].map(([version_id, is_applied]) => ({ version_id, is_applied }));
    expect(said(read('goose', rows))).toEqual(['1', '2 rolled-back']);
  });

  test('Flyway: baseline, failure, undo, deletion, repeatables', () => {
    const row = (version: string | null, type: string, success: unknown = true, description = 'x') => ({
      version,
      type,
      success,
      description,
      script: '',
      checksum: 5,
    });
    const rows = [
      row(null, 'SCHEMA'),
      row('1.2', 'BASELINE'),
      row('1.10.0', 'SQL'),
      row(null, 'SQL', true, 'order view'),
      row('3', 'SQL'),
      row('4', 'SQL', 0),
      row('5', 'SQL'),
      row('5', 'UNDO_SQL'),
      row('6', 'JDBC'),
      row('6', 'DELETE'),
    ];
    expect(said(read('flyway', rows, fixtures.flyway))).toEqual([
      '1',
      '1.2',
      '1.10',
      'R__order_view',
      '3',
      '4 failed',
      '5 rolled-back',
    ]);
  });

  test('Flyway: a baseline stands for what is below it, and is no migration itself', () => {
    const row = (version: string, type: string) => ({
      version,
      type,
      success: true,
      description: 'x',
      script: '',
    });
    for (const type of ['BASELINE', 'SQL_BASELINE']) {
      const rows = [row('1.5', type), row('3', 'SQL')];
      expect(said(read('flyway', rows, fixtures.flyway))).toEqual(['1', '1.2', '3']);
      expect(said(read('flyway', rows))).toEqual(['3']);
    }
  });

  test('Liquibase: executed, marked, run again, skipped, failed; the search path may begin elsewhere', () => {
    const row = (id: string, EXECTYPE: string, FILENAME = 'second.sql') => ({
      ID: id,
      AUTHOR: 'ana',
      FILENAME,
      EXECTYPE,
    });
    const rows = [
      row('1', 'MARK_RAN'),
      row('3', 'RERAN', 'classpath:m/first.sql'),
      row('8', 'SKIPPED'),
      row('9', 'FAILED'),
    ];
    expect(said(read('liquibase', rows, fixtures.liquibase))).toEqual([
      'm/second.sql::1::ana',
      'm/first.sql::3::ana',
      'second.sql::8::ana rolled-back',
      'second.sql::9::ana failed',
    ]);
  });

  test('Prisma: the last try of a migration counts', () => {
    const row = (
      migration_name: string,
      finished_at: string | null,
      rolled_back_at: string | null = null,
    ) => ({
      migration_name,
      finished_at,
      rolled_back_at,
      checksum: 'c',
    });
    const rows = [
      row('1_a', null, '2026-01-01'),
      row('1_a', '2026-01-01'),
      row('2_b', '2026-01-02', '2026-01-03'),
      row('3_c', null),
    ];
    expect(said(read('prisma', rows))).toEqual(['1_a', '2_b rolled-back', '3_c failed']);
  });

  test('Atlas: partly applied, with an error, a baseline, and its own identifier', () => {
    const row = (
      version: string,
      type: number,
      applied: number,
      total: number,
      error: string | null = null,
    ) => ({
      version,
      type,
      applied,
      total,
      error,
      hash: 'h',
    });
    const rows = [
      row('.atlas_cloud_identifier', 2, 0, 0),
      row('20260102000000', 1, 0, 0),
      row('20260103000000', 2, 1, 2, 'no such table'),
      row('20260104000000', 6, 1, 1, ''),
    ];
    expect(said(read('atlas', rows, fixtures.atlas))).toEqual([
      '20260101000000',
      '20260102000000',
      '20260103000000 failed',
      '20260104000000',
    ]);
  });

  test('sqlx: not a success, with the checksum in hexadecimal digits', () => {
    const rows = [
      { version: 1, success: true, checksum: 'ab' },
      { version: 2, success: 0, checksum: 'cd' },
    ];
    expect(read('sqlx', rows)).toEqual([
      { version: '1', state: 'applied', checksum: 'ab' },
      { version: '2', state: 'failed', checksum: 'cd' },
    ]);
  });

  test('Alembic: two heads, a head in the middle, and one without a file', () => {
    const heads = (...versions: string[]) =>
      said(
        read(
          'alembic',
          versions.map((version_num) => ({ version_num })),
          fixtures.alembic,
        ),
      );
    expect(heads('b2')).toEqual(['a1', 'b2']);
    expect(heads('b1', 'b2')).toEqual(['a1', 'b1', 'b2']);
    expect(heads('zz')).toEqual(['zz']);
    expect(heads()).toEqual([]);
  });

  test('Sqitch: changes of other projects are left out', () => {
    const row = (change_id: string, project: string) => ({
      change_id,
      project,
      change: 'x',
      script_hash: null,
    });
    const rows = [
      row('ffff', 'lib'),
      row('854e79680ae1750842581497964699ee233f5b15', 'shop'),
      row('eeee', 'shop'),
    ];
    expect(said(read('sqitch', rows, fixtures.sqitch))).toEqual([
      '854e79680ae1750842581497964699ee233f5b15',
      'eeee',
    ]);
  });

  test('one row for each, whatever the letters of the columns', () => {
    expect(said(read('dbmate', [{ VERSION: '1' }]))).toEqual(['1']);
    expect(said(read('rails', [{ version: '2' }]))).toEqual(['2']);
    expect(said(read('ecto', [{ version: 3n, inserted_at: '' }]))).toEqual(['3']);
    expect(said(read('diesel', [{ version: '0001' }]))).toEqual(['0001']);
  });
});

describe('what is not as it should be', () => {
  const source = migrationSources.sqlx();
  const shipped = source.parse(filesOf(fixtures.sqlx));
  const sum = (version: string) => shipped.find((one) => one.version === version)?.checksums?.[0] as string;
  const applied = (version: string, checksum = sum(version)): HistoryEntry => ({
    version,
    state: 'applied',
    checksum,
  });
  const problems = (...entries: HistoryEntry[]) =>
    compareHistory(entries, shipped, 'sqlx').map(({ kind, version }) => `${kind} ${version}`);

  test('nothing where all is well, or nothing is applied, or the newest are not applied yet', () => {
    expect(problems(applied('1'), applied('2'), applied('10'))).toEqual([]);
    expect(problems()).toEqual([]);
    expect(problems(applied('1'))).toEqual([]);
  });

  test.each<[string, HistoryEntry[], string[]]>([
    ['failed', [applied('1'), { version: '2', state: 'failed' }], ['failed 2']],
    ['changed', [applied('1', 'ff')], ['checksum-differs 1']],
    ['without a file', [applied('1'), applied('5', 'x')], ['missing-file 5']],
    ['left out', [applied('1'), applied('10')], ['gap 2']],
    [
      'taken back in between',
      [applied('1'), { version: '2', state: 'rolled-back' }, applied('10')],
      ['gap 2'],
    ],
    ['in another order', [applied('2'), applied('1')], ['out-of-order 1']],
    ['a failed one without a file', [{ version: '7', state: 'failed' }], ['failed 7', 'missing-file 7']],
  ])('%s', (_, entries, expected) => {
    expect(problems(...entries)).toEqual(expected);
  });

  test('each says what it is and the way out', () => {
    const entries: HistoryEntry[] = [{ version: '7', state: 'failed' }, applied('2', 'ff'), applied('1')];
    for (const { why, fix, kind, file } of compareHistory(entries, shipped, 'sqlx')) {
      expect(why).toMatch(/\.$/);
      expect(fix).toMatch(/\.$/);
      if (kind !== 'failed' && kind !== 'missing-file') expect(file).toMatch(/^m\//);
    }
  });

  test('a repeatable one may have been changed, and comes last in any order', () => {
    const flyway = migrationSources.flyway();
    const files = flyway.parse(filesOf(fixtures.flyway));
    const entries: HistoryEntry[] = [
      { version: 'R__order_view', state: 'applied', checksum: '1' },
      { version: '1', state: 'applied', checksum: '-85831012' },
    ];
    expect(compareHistory(entries, files, 'Flyway')).toEqual([]);
  });
});

describe('which tool a database is of', () => {
  const table = (name: string, columns: Record<string, string>, schema?: string): TableColumns => ({
    ...(schema ? { schema } : {}),
    name,
    columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
  });
  const shared = (columns: Record<string, string>) => table('schema_migrations', columns);
  const ROWS: [string, TableColumns[], string[]][] = [
    ['golang-migrate', [shared({ version: 'bigint', dirty: 'boolean' })], ['golang-migrate']],
    ['golang-migrate in SQLite', [shared({ version: 'uint64', dirty: 'bool' })], ['golang-migrate']],
    ['dbmate', [shared({ version: 'character varying' })], ['dbmate']],
    ['dbmate in MariaDB', [shared({ version: 'varchar(128)' })], ['dbmate']],
    [
      'Rails',
      [shared({ version: 'character varying' }), table('ar_internal_metadata', { key: 'varchar' })],
      ['rails'],
    ],
    ['Ecto', [shared({ version: 'bigint', inserted_at: 'timestamp(0) without time zone' })], ['ecto']],
    ['a number alone is nobody', [shared({ version: 'bigint' })], []],
    ['one with more columns is nobody', [shared({ version: 'varchar', name: 'text' })], []],
    [
      'Flyway',
      [
        table(
          'flyway_schema_history',
          {
            installed_rank: 'int',
            version: 'varchar',
            description: 'v',
            type: 'v',
            script: 'v',
            checksum: 'int',
            success: 'bool',
          },
          'public',
        ),
      ],
      ['flyway'],
    ],
    [
      'Liquibase in capitals',
      [table('DATABASECHANGELOG', { ID: 'v', AUTHOR: 'v', FILENAME: 'v', EXECTYPE: 'v' })],
      ['liquibase'],
    ],
    [
      'Sqitch',
      [
        table(
          'changes',
          { change_id: 'text', script_hash: 'text', change: 'text', project: 'text', planned_at: 't' },
          'sqitch',
        ),
      ],
      ['sqitch'],
    ],
    ['a table of changes is not Sqitch', [table('changes', { id: 'int', project: 'text' })], []],
    ['TypeORM', [table('migrations', { id: 'int', timestamp: 'bigint', name: 'varchar' })], ['typeorm']],
    [
      'another tool with a table of that name',
      [table('migrations', { id: 'int', migration: 'varchar', batch: 'int' })],
      [],
    ],
    [
      'two tools',
      [
        table('knex_migrations', { id: 'int', name: 'v', batch: 'int' }),
        table('alembic_version', { version_num: 'v' }),
      ],
      ['alembic', 'knex'],
    ],
    ['none', [table('orders', { id: 'int' })], []],
  ];
  test.each(ROWS)('%s', (_, tables, formats) => {
    expect(detectTools(tables).map(({ format }) => format)).toEqual(formats);
  });

  test('where it is, is said as the catalog says it', () => {
    const found = detectTools([
      table('__Drizzle_Migrations', { id: 'int', hash: 'text', created_at: 'bigint' }, 'app'),
    ]);
    expect(found).toEqual([{ format: 'drizzle', at: { schema: 'app', name: '__Drizzle_Migrations' } }]);
  });
});

test('the query goes where the tool puts its table, or where it was found', () => {
  const { history } = migrationSources.drizzle();
  expect(history.query('postgresql')).toContain('FROM "drizzle"."__drizzle_migrations" AS t');
  expect(history.query('mysql')).toContain('FROM `__drizzle_migrations` AS t');
  expect(history.query('mysql', { schema: 'a`b', name: 't' })).toContain('FROM `a``b`.`t` AS t');
  expect(migrationSources.liquibase().history.query('postgresql')).toContain('"databasechangelog"');
  expect(migrationSources.liquibase().history.query('mysql')).toContain('`DATABASECHANGELOG`');
});
