import { describe, expect, test } from 'vitest';
import { detectFormats } from '../../src/adapters/migrations/detect.ts';
import { migrationSources } from '../../src/adapters/migrations/index.ts';
import { MIGRATION_FORMATS, type MigrationFormat } from '../../src/model/migration-formats.ts';
import * as fixtures from './fixtures.ts';
import { type Folder, filesOf } from './fixtures.ts';

/** What each folder is read as: `version file`, forward, and with `<` where it can be taken back. */
const GOLDEN: Record<MigrationFormat, [folder: Folder, forward: string[]]> = {
  alembic: [
    fixtures.alembic,
    ['a1 v/a1_create.py', 'b1 v/b1_left.py', 'b2 v/b2_right.py', '0c v/0c_merge.py'],
  ],
  atlas: [
    fixtures.atlas,
    [
      '20260101000000 m/20260101000000_create_orders.sql',
      '20260102000000 m/20260102000000_add_total.sql',
      '20260103000000 m/20260103000000.sql',
    ],
  ],
  dbmate: [fixtures.dbmate, ['20260101 m/20260101_create_orders.sql', '20260102 m/20260102_add_total.sql <']],
  diesel: [
    fixtures.diesel,
    [
      '00000000000001 m/00000000000001_diesel initial setup/up.sql <',
      '202601020000000000 m/2026-01-02-000000-0000_add_total/up.sql',
    ],
  ],
  django: [
    fixtures.django,
    [
      'shop.0001_initial shop/migrations/0001_initial.py',
      'audit.0001_initial audit/migrations/0001_initial.py',
      'shop.0002_total shop/migrations/0002_total.py',
    ],
  ],
  drizzle: [fixtures.drizzle, ['1767225600000 m/0000_brave_hulk.sql', '1767312000000 m/0001_add_total.sql']],
  ecto: [
    fixtures.ecto,
    [
      '20260101000000 m/sub/20260101000000_create_orders.exs',
      '20260102000000 m/20260102000000_add_total.exs',
    ],
  ],
  flyway: [
    fixtures.flyway,
    [
      '1 m/V1__create_orders.sql',
      '1.2 m/V1_2__add_total.sql',
      '1.10 m/V1.10__rename_note.sql <',
      'R__a_report m/R__a_report.sql',
      'R__order_view m/R__order_view.sql',
    ],
  ],
  'golang-migrate': [
    fixtures.golangMigrate,
    ['1 m/001_create_orders.up.sql <', '2 m/2_add_total.up.sql', '10 m/10_rename_note.up.sql <'],
  ],
  goose: [
    fixtures.goose,
    ['1 m/001_create_orders.sql <', '2 m/2_add_total.sql', '10 m/10_rename_note.sql <'],
  ],
  knex: [
    fixtures.knex,
    [
      '20260101000000_create_orders.js m/20260101000000_create_orders.js',
      '20260102000000_add_total.js m/20260102000000_add_total.js',
    ],
  ],
  liquibase: [
    fixtures.liquibase,
    [
      'm/second.sql::1::ana m/second.sql <',
      'm/second.sql::two b::Bo Li m/second.sql',
      'm/first.sql::3::ana m/first.sql <',
    ],
  ],
  prisma: [
    fixtures.prisma,
    [
      '20260101000000_init m/20260101000000_init/migration.sql',
      '20260102000000_add_total m/20260102000000_add_total/migration.sql',
    ],
  ],
  rails: [
    fixtures.rails,
    [
      '20260101000000 db/migrate/20260101000000_create_orders.rb',
      '20260102000000 db/migrate/20260102000000_add_total.rb',
    ],
  ],
  sequelize: [
    fixtures.sequelize,
    [
      '20260101000000-create-orders.js m/20260101000000-create-orders.js',
      '20260102000000-add-total.js m/20260102000000-add-total.js',
    ],
  ],
  sqitch: [
    fixtures.sqitch,
    [
      '854e79680ae1750842581497964699ee233f5b15 p/deploy/orders.sql <',
      '603abfabec83624eb3b411cfa94e0fde6082a4c9 p/deploy/total@v1.sql',
      'd54c6cd475736904ceaf9aa5acb8a66c7a93bcc3 p/deploy/total.sql <',
    ],
  ],
  sqlx: [
    fixtures.sqlx,
    ['1 m/0001_create_orders.sql', '2 m/2_add_total.sql', '10 m/10_rename_note.up.sql <'],
  ],
  typeorm: [
    fixtures.typeorm,
    [
      'CreateOrders1767225600000 m/1767225600000-Init.js',
      'AddTotal1767312000000 m/1767312000000-AddTotal.js',
    ],
  ],
};
const CODE: MigrationFormat[] = ['alembic', 'django', 'ecto', 'knex', 'rails', 'sequelize', 'typeorm'];
const FORMATS = MIGRATION_FORMATS;

function parse(format: MigrationFormat, folder: Folder) {
  return migrationSources[format]().parse(filesOf(folder));
}

function only(format: MigrationFormat, folder: Folder, version: string) {
  const found = parse(format, folder).find((migration) => migration.version === version);
  if (!found) throw new Error(`${format} has no ${version}`);
  return found;
}

describe.each(FORMATS)('%s', (format) => {
  const [folder, forward] = GOLDEN[format];

  test('which files, in which order, and which can be taken back', () => {
    const read = parse(format, folder);
    expect(read.map(({ version, file, down }) => `${version} ${file}${down ? ' <' : ''}`)).toEqual(forward);
  });

  test('the order of the files does not matter, nor does the folder they are in', () => {
    const turned = Object.fromEntries(Object.entries(folder).reverse());
    expect(parse(format, turned)).toEqual(parse(format, folder));
    const deeper = filesOf(folder).map(({ path, content }) => ({ path: `app/${path}`, content }));
    const read = migrationSources[format]().parse(deeper, undefined);
    expect(read.map(({ name }) => name)).toEqual(parse(format, folder).map(({ name }) => name));
  });

  test('it is recognised, and nothing else is seen in it', () => {
    expect(detectFormats(filesOf(folder))).toEqual([format]);
  });

  test('every statement is at its line of the file', () => {
    for (const { file, up, down, opaque } of parse(format, folder)) {
      if (CODE.includes(format))
        expect(opaque).toMatch(/^It is written in \w+, so that its SQL is not known\.$/);
      const lines = (folder[file] as string).replace(/^\ufeff/, '').split(/\r?\n/);
      for (const [index, line] of up
        .replace(/^\ufeff/, '')
        .split(/\r?\n/)
        .entries()) {
        const words = line.replace(/[;/]+$/, '').trim();
        expect(lines[index], `${file}:${index + 1}`).toContain(words);
      }
      if (down === undefined || /^(?:golang-migrate|flyway|diesel|sqlx|sqitch)$/.test(format)) continue;
      for (const [index, line] of down.split('\n').entries()) expect(lines[index]).toContain(line.trim());
    }
  });

  test('no file, and files of another kind, are no migrations', () => {
    const source = migrationSources[format]();
    expect(source.parse([])).toEqual([]);
    expect(source.parse(filesOf({ 'm/README.md': 'text' }))).toEqual([]);
    expect(source.recognises(filesOf({ 'm/README.md': 'text', 'm/seed.sql': 'SELECT 1;' }))).toBe(false);
    expect(source.format).toBe(format);
  });
});

test('transactions are off where the files say so', () => {
  const outside = FORMATS.flatMap((format) =>
    parse(format, GOLDEN[format][0]).flatMap((one) =>
      one.transaction === false ? [`${format} ${one.version}`] : [],
    ),
  );
  expect(outside).toEqual([
    'atlas 20260102000000',
    'dbmate 20260102',
    'diesel 202601020000000000',
    'flyway 1.2',
    'goose 2',
    'liquibase m/first.sql::3::ana',
    'sqlx 2',
  ]);
  const folder = {
    'm/1_a/up.sql': 'SELECT 1',
    'm/1_a/metadata.toml': '# nothing set\n',
    'm/2_b/up.sql': 'SELECT 1',
  };
  expect(parse('diesel', folder).map(({ transaction }) => transaction)).toEqual([false, undefined]);
});

test('checksums are those that the tools recorded', () => {
  // As Flyway 10.20, Drizzle 0.4x, Sqitch 1.3 and Atlas wrote them when they were run on these folders.
  const of = (format: MigrationFormat) =>
    parse(format, GOLDEN[format][0]).map(({ checksums }) => checksums?.[0]);
  expect(of('flyway')).toEqual(['-85831012', '1588577427', '-1309750806', '78787420', '1413507753']);
  expect(of('drizzle')).toEqual([
    '732bfb4613bd74c8b2a17695688f094d191b1f4d70cdd00bd22899c2ae97e18c',
    'a21b1018a0d94882bc130a39c6bcb54e6806cc69a2d671f517eaebce2d1706f0',
  ]);
  expect(of('sqitch')).toEqual([
    '6158faf028ccc2c5bff6b9a3660f8044ba74808f',
    '851219f7a36ca35cc3c567e5e0a2fa224fa7dcaa',
    'abd2248425df3ce1e81dec4bc960b881dc479306',
  ]);
  expect(of('atlas')).toEqual([
    '/PJtsbyxKfLrsmUvcuNqM5CCbVIJ1WL11Mdl2q+kAfA=',
    'lCE9vf+t4vzxiBDQPsaTLAwtAYmOWCg5N95JErEVPaY=',
    'U0oXzd+B1tRGIbzTkw/4Dg7h+4XISfArekaa5dr2B+s=',
  ]);
  // `printf abc | sha384sum`, `printf 'a\nb' | sha256sum`.
  expect(only('sqlx', { 'm/1_a.sql': 'abc' }, '1').checksums).toEqual([
    'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  ]);
  // Prisma takes the file with other line ends for the same.
  const ofPrisma = (script: string) => only('prisma', { 'm/1_a/migration.sql': script }, '1_a').checksums;
  expect(ofPrisma('a\nb')).toContain('7e18f737311b2dc3b2f269dd78396b0351f14fb66efa879f768cb23181883c78');
  expect(ofPrisma('a\r\nb')).toEqual(expect.arrayContaining(ofPrisma('a\nb') ?? []));
  expect(ofPrisma('a b')).not.toEqual(ofPrisma('a\nb'));
  expect(only('flyway', { 'm/R__v.sql': `SELECT '\${schema}';` }, 'R__v').checksums).toBeUndefined();
});
