import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../src/commands/migrations.ts';
import type { JudgedFile } from '../../src/model/judged-file.ts';
import type { Folder } from './fixtures.ts';
import * as fixtures from './fixtures.ts';

const run = promisify(execFile);
const CLI = resolve('dist/cli.js');

const CREATE =
  '-- migrate:up\nCREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);\n-- migrate:down\nDROP TABLE orders;\n';
const ADD =
  '-- migrate:up\nALTER TABLE orders ADD COLUMN total INTEGER;\n-- migrate:down\nALTER TABLE orders DROP COLUMN total;\n';
const DROP = '-- migrate:up\n\nALTER TABLE orders DROP COLUMN note;\n';
const DROP_TOTAL =
  '-- migrate:up\nALTER TABLE orders DROP COLUMN total;\n-- migrate:down\nALTER TABLE orders ADD COLUMN total INTEGER;\n';
const SAFE: Folder = { 'db/migrations/01_create.sql': CREATE, 'db/migrations/02_add.sql': ADD };
const BLOCKING: Folder = { ...SAFE, 'db/migrations/03_drop.sql': DROP };

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'rda-migrations-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function put(folder: Folder): Promise<void> {
  for (const [path, content] of Object.entries(folder)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), content);
  }
}

async function git(...args: string[]): Promise<void> {
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false'];
  await run('git', [...who, ...args], { cwd });
}

async function release(tag: string, folder: Folder): Promise<void> {
  await put(folder);
  await git('add', '-A');
  await git('commit', '-qm', tag, '--allow-empty');
  await git('tag', tag);
}

type Options = Partial<Parameters<typeof migrations>[1]>;

async function judge(options: Options = {}) {
  const given = {
    paths: [],
    engine: 'sqlite' as const,
    format: undefined,
    from: undefined,
    to: undefined,
    ...options,
  };
  const { exit, json } = await migrations(cwd, given);
  return { exit, files: json as JudgedFile[] };
}

const said = (files: JudgedFile[]) =>
  files.map(({ file, verdict, reversal }) => `${file} ${verdict} ${reversal}`);

test('Flyway: placeholders are filled in where their values are known, at the ref that is judged', async () => {
  const folder = 'src/main/resources/db/migration';
  const one = `ALTER TABLE \${tables.ORDERS} DROP COLUMN note;\nALTER TABLE \${other} DROP COLUMN a;\n`;
  await git('init', '-q');
  await release('v1', {
    [`${folder}/V1__create.sql`]: 'CREATE TABLE orders (id INTEGER, note TEXT, a TEXT);\n',
  });
  await release('v2', {
    [`${folder}/V2__drop.sql`]: one,
    'flyway.toml': '[flyway.placeholders]\ntables.orders = "orders"\n',
    [`${folder}/../flyway.conf`]: '# see flyway.toml\nflyway.placeholders.another = x\n',
  });
  const expected = [
    {
      file: `${folder}/V2__drop.sql`,
      findings: [
        { rule: 'drop-column', line: 1, statement: 'ALTER TABLE orders DROP COLUMN note' },
        {
          rule: 'unreadable',
          line: 2,
          verdict: 'unknown',
          why: `It has the placeholder \${other}, whose value is not known here.`,
        },
      ],
    },
  ];
  const ofGit = await judge({ paths: [folder], from: 'v1', to: 'v2' });
  expect(ofGit.files.map(withSorted)).toMatchObject(expected);
  const here = await judge({ paths: [folder], from: 'v1' });
  expect(here.files.map(withSorted)).toMatchObject(expected);
  await put({
    'flyway.toml':
      '[flyway]\nplaceholderReplacement = false\n[flyway.placeholders]\ntables.orders = "orders"\n',
  });
  const off = await judge({ paths: [folder], from: 'v1' });
  expect(off.files[0]?.findings.map(({ rule }) => rule)).toEqual(['unreadable', 'unreadable']);
});

function withSorted(one: JudgedFile): JudgedFile {
  return { ...one, findings: one.findings.toSorted((a, b) => a.line - b.line) };
}

describe('a folder', () => {
  test('each file for itself, the usual folder without a PATH', async () => {
    await put(BLOCKING);
    const { exit, files } = await judge();
    expect(exit).toBe(4);
    expect(said(files)).toEqual([
      'db/migrations/01_create.sql safe lossy',
      'db/migrations/02_add.sql safe lossy',
      'db/migrations/03_drop.sql data-destroyed impossible',
    ]);
    const [finding] = files[2]?.findings ?? [];
    expect(finding).toMatchObject({
      rule: 'drop-column',
      line: 3,
      statement: 'ALTER TABLE orders DROP COLUMN note',
    });
    expect(files.every(({ engine }) => engine === 'sqlite')).toBe(true);
  });

  test('nothing in the way', async () => {
    await put(SAFE);
    expect((await judge({ paths: ['db/migrations'] })).exit).toBe(0);
  });

  test('an empty one has nothing to judge', async () => {
    await mkdir(join(cwd, 'db/migrations'), { recursive: true });
    expect(await judge()).toEqual({ exit: 0, files: [] });
  });

  test.each<[string, string, Folder]>([
    ['atlas', 'm', fixtures.atlas],
    ['diesel', 'm', fixtures.diesel],
    ['drizzle', 'm', fixtures.drizzle],
    ['flyway', 'm', fixtures.flyway],
    ['golang-migrate', 'm', fixtures.golangMigrate],
    ['goose', 'm', fixtures.goose],
    ['liquibase', 'm', fixtures.liquibase],
    ['prisma', 'm', fixtures.prisma],
    ['sqitch', 'p', fixtures.sqitch],
    ['sqlx', 'm', fixtures.sqlx],
  ])('of %s is detected and judged file by file', async (_, path, folder) => {
    await put(folder);
    const { files } = await judge({ paths: [path] });
    expect(files.length).toBeGreaterThan(1);
    expect(files[0]?.verdict).toBe('safe');
  });

  test('code is unknown, without an engine, and so is what reversing it does', async () => {
    await put(fixtures.rails);
    const { exit, files } = await judge({ paths: ['db/migrate'], engine: undefined });
    expect(exit).toBe(4);
    expect(files[0]).toEqual({
      file: 'db/migrate/20260101000000_create_orders.rb',
      verdict: 'unknown',
      reversal: 'unknown',
      findings: [expect.objectContaining({ rule: 'opaque-code', verdict: 'unknown', line: 1 })],
    });
    expect((await judge({ paths: ['db/migrate'] })).files[0]).toMatchObject({
      engine: 'sqlite',
      verdict: 'unknown',
    });
  });

  test('a sum that is not right is unknown, at its own file', async () => {
    await put({
      ...fixtures.atlas,
      'm/20260102000000_add_total.sql': 'ALTER TABLE orders ADD COLUMN other INTEGER;\n',
    });
    const { exit, files } = await judge({ paths: ['m'] });
    expect(exit).toBe(4);
    expect(said(files)).toContain('m/atlas.sum unknown unknown');
  });

  test('two tools that name their files alike need not be told apart', async () => {
    await put({ 'm/1_a.up.sql': 'CREATE TABLE t (a);', 'm/1_a.down.sql': 'DROP TABLE t;' });
    expect(said((await judge({ paths: ['m'] })).files)).toEqual(['m/1_a.up.sql safe lossy']);
  });
});

describe('files named one by one', () => {
  test('are judged by their net effect, on the schema of those before them', async () => {
    await put({ ...SAFE, 'db/migrations/03_drop_total.sql': DROP_TOTAL });
    const paths = ['db/migrations/02_add.sql', 'db/migrations/03_drop_total.sql'];
    expect((await judge({ paths })).exit).toBe(0);
    expect((await judge({ paths: paths.slice(1) })).exit).toBe(4);
    expect((await judge({ paths: ['db/migrations'] })).exit).toBe(4);
  });

  test.each([
    [
      'm/1_a.down.sql',
      { 'm/1_a.up.sql': 'CREATE TABLE t (a);', 'm/1_a.down.sql': 'DROP TABLE t;' },
      'm/1_a.up.sql',
    ],
    [
      'm/2026_a/down.sql',
      { 'm/2026_a/up.sql': 'CREATE TABLE t (a);', 'm/2026_a/down.sql': 'DROP TABLE t;' },
      'm/2026_a/up.sql',
    ],
    [
      'm/1_a/migration.sql',
      { 'm/migration_lock.toml': 'provider = "sqlite"', 'm/1_a/migration.sql': 'CREATE TABLE t (a);' },
      'm/1_a/migration.sql',
    ],
    ['p/revert/orders.sql', fixtures.sqitch, 'p/deploy/orders.sql'],
    ['m/U1.10__rename_note.sql', fixtures.flyway, 'm/V1.10__rename_note.sql'],
  ])('%s is one of the migration that it belongs to', async (path, folder, file) => {
    await put(folder as Folder);
    expect((await judge({ paths: [path] })).files.map((one) => one.file)).toEqual([file]);
  });
});

describe('from one release to another', () => {
  beforeEach(async () => {
    await git('init', '-q');
    await release('v1', SAFE);
  });

  test('what came since is judged, at both refs and against the files here', async () => {
    await release('v2', { 'db/migrations/03_drop.sql': DROP });
    expect(said((await judge({ from: 'v1', to: 'v2' })).files)).toEqual([
      'db/migrations/03_drop.sql data-destroyed impossible',
    ]);
    expect((await judge({ from: 'v2' })).files).toEqual([]);
    await put({ 'db/migrations/04_more.sql': ADD.replaceAll('total', 'more') });
    expect(said((await judge({ from: 'v2' })).files)).toEqual(['db/migrations/04_more.sql safe lossy']);
    expect((await judge({ from: 'v1', to: 'v1' })).exit).toBe(0);
  });

  test('the net effect counts', async () => {
    await release('v2', {
      'db/migrations/03_more.sql': ADD.replaceAll('total', 'more'),
      'db/migrations/04_no_more.sql': DROP_TOTAL.replaceAll('total', 'more'),
    });
    expect((await judge({ from: 'v1', to: 'v2' })).exit).toBe(0);
  });

  test('released files that were changed, are gone, or are preceded by new ones', async () => {
    await rm(join(cwd, 'db/migrations/01_create.sql'));
    await release('v2', {
      'db/migrations/02_add.sql': ADD.replace('total INTEGER', 'total TEXT'),
      'db/migrations/015_between.sql': ADD.replaceAll('total', 'between_x'),
    });
    const { exit, files } = await judge({ from: 'v1', to: 'v2' });
    expect(exit).toBe(4);
    const rules = files.map(({ file, verdict, findings }) => `${file} ${verdict} ${findings.at(-1)?.rule}`);
    expect(rules.sort()).toEqual([
      'db/migrations/015_between.sql conditional out-of-order',
      'db/migrations/01_create.sql conditional released-file-removed',
      'db/migrations/02_add.sql unknown released-file-changed',
    ]);
  });

  test('a comment that was changed is no change, but for tools that record a checksum', async () => {
    await release('v2', { 'db/migrations/02_add.sql': `-- why\n${ADD}` });
    expect((await judge({ from: 'v1', to: 'v2' })).files).toEqual([]);
    await release('v3', { 'x/1_a.sql': 'CREATE TABLE t (a);' });
    await release('v4', { 'x/1_a.sql': 'CREATE TABLE t (a); -- why' });
    expect(said((await judge({ paths: ['x'], from: 'v3', to: 'v4' })).files)).toEqual([
      'x/1_a.sql unknown unknown',
    ]);
  });

  test('a changed repeatable one is judged, and is no change of history', async () => {
    const view = { 'f/V1__a.sql': 'CREATE TABLE t (a);', 'f/R__v.sql': 'CREATE VIEW v AS SELECT a FROM t;' };
    await release('v2', view);
    await release('v3', { 'f/R__v.sql': 'DROP VIEW v;' });
    expect(said((await judge({ paths: ['f'], from: 'v2', to: 'v3' })).files)[0]).toMatch(
      /^f\/R__v\.sql reads-fail/,
    );
  });

  test('in a folder below the root of the repository, and with odd names', async () => {
    await release('v2', { 'app/m/1_naïve name.up.sql': 'CREATE TABLE t (a);' });
    const result = await migrations(join(cwd, 'app'), {
      paths: ['m'],
      engine: 'sqlite',
      format: undefined,
      from: 'v1',
      to: 'v2',
    });
    expect(said(result.json as JudgedFile[])).toEqual(['m/1_naïve name.up.sql safe impossible']);
  });

  test('a folder that the older release does not have is new as a whole', async () => {
    await release('v2', { 'other/1_a.sql': '-- migrate:up\nCREATE TABLE t (a);\n' });
    expect((await judge({ paths: ['other'], from: 'v1', to: 'v2' })).files).toHaveLength(1);
  });
});

describe('what is wrong is said with what, why and what next', () => {
  const ROWS: [what: string, folder: Folder, options: Options, code: string, summary: RegExp][] = [
    ['no usual folder', {}, {}, 'MIGRATIONS_NOT_FOUND', /^No folder of migrations was found$/],
    [
      'two usual folders',
      { ...SAFE, 'migrations/1_a.sql': CREATE },
      {},
      'MIGRATIONS_NOT_FOUND',
      /^Several folders may be/,
    ],
    [
      'a path that is not there',
      SAFE,
      { paths: ['nowhere'] },
      'MIGRATIONS_NOT_FOUND',
      /^There is no nowhere$/,
    ],
    [
      'a folder above that of the tool',
      SAFE,
      { paths: ['db'] },
      'MIGRATIONS_NOT_FOUND',
      /^There is no migration in db that dbmate would read$/,
    ],
    [
      'no known format',
      { 'm/a.sql': 'SELECT 1;' },
      { paths: ['m'] },
      'FORMAT_UNKNOWN',
      /^The format of the migrations in m/,
    ],
    [
      'the marks of two formats',
      { 'm/1_a.sql': `${CREATE}-- +goose Up\n` },
      { paths: ['m'] },
      'FORMAT_UNKNOWN',
      /is not clear$/,
    ],
    [
      'no engine',
      { 'm/1_a.up.sql': 'CREATE TABLE t (a int);' },
      { paths: ['m'], engine: undefined },
      'ENGINE_UNKNOWN',
      /^Which engine/,
    ],
    [
      'words of two engines',
      { 'm/1_a.up.sql': 'CREATE TABLE t (a jsonb); CREATE TABLE u (a int AUTO_INCREMENT);' },
      { paths: ['m'], engine: undefined },
      'ENGINE_UNKNOWN',
      /^Which engine/,
    ],
    [
      'a file that is none',
      { ...SAFE, 'db/migrations/x.txt': '' },
      { paths: ['db/migrations/x.txt'] },
      'NOT_A_MIGRATION',
      /^db\/migrations\/x\.txt is not a migration$/,
    ],
    ['the wrong format', SAFE, { format: 'prisma' }, 'MIGRATIONS_NOT_FOUND', /that Prisma would read$/],
    [
      'a file that the tool would refuse',
      { 'm/1_a.sql': `${CREATE}-- migrate:up\n` },
      { paths: ['m'] },
      'MIGRATION_UNREADABLE',
      /^The migration m\/1_a\.sql:5 can't be read as dbmate's$/,
    ],
    [
      'two files of a version',
      { 'm/1_a.sql': CREATE, 'm/1_b.sql': CREATE },
      { paths: ['m'] },
      'MIGRATION_UNREADABLE',
      /m\/1_b\.sql:1/,
    ],
    ['--to alone', SAFE, { to: 'v2' }, 'USAGE', /^--to needs --from$/],
    ['no repository', SAFE, { from: 'v1' }, 'GIT_UNUSABLE', /git does not work here$/],
  ];

  test.each(ROWS)('%s', async (_, folder, options, code, summary) => {
    await put(folder);
    await expect(judge(options)).rejects.toMatchObject({
      code,
      summary: expect.stringMatching(summary),
      detail: expect.stringMatching(/[.]$/),
      fix: expect.stringMatching(/\S/),
      exit: 2,
    });
  });

  test('a ref that there is not, also one that looks like an option', async () => {
    await git('init', '-q');
    await release('v1', SAFE);
    for (const ref of ['v9', '--output=x', 'v1:db', '', ':/v1x']) {
      await expect(judge({ from: ref }), ref).rejects.toMatchObject({ code: 'REF_UNKNOWN', exit: 2 });
    }
  });

  test('bytes that are no text', async () => {
    await put(SAFE);
    await writeFile(join(cwd, 'db/migrations/09_bin.sql'), Buffer.from([0xff, 0xfe, 0x00]));
    await expect(judge()).rejects.toMatchObject({ code: 'FILE_NOT_TEXT', exit: 2 });
  });
});

test.each(['postgresql', 'mysql', 'sqlite'] as const)(
  '%s: rule, page, condition and allowance',
  async (engine) => {
    const text = engine === 'sqlite' ? 'TEXT' : 'varchar(20)';
    await put({
      'm/1_a.up.sql': `CREATE TABLE t (a int NOT NULL, b ${text});`,
      'm/2_b.up.sql': 'CREATE UNIQUE INDEX by_b ON t (b);',
      'm/2_b.down.sql': engine === 'mysql' ? 'DROP INDEX by_b ON t;' : 'DROP INDEX by_b;',
      'm/3_c.up.sql':
        '-- rollback-deploy-auto:allow drop-column nobody reads it\nALTER TABLE t DROP COLUMN b;',
      'm/4_d.up.sql': 'ALTER TABLE t DROP COLUMN a;',
    });
    const { exit, files } = await judge({ paths: ['m'], engine });
    expect(exit).toBe(4);
    expect(said(files)).toEqual([
      'm/1_a.up.sql safe impossible',
      'm/2_b.up.sql conditional lossless',
      'm/3_c.up.sql safe impossible',
      'm/4_d.up.sql data-destroyed impossible',
    ]);
    const finding = (file: number, rule: string) => files[file]?.findings.find((one) => one.rule === rule);
    expect(finding(1, 'new-constraint')).toMatchObject({
      when: expect.any(String),
      docs: 'docs/rules/new-constraint.md',
    });
    expect(finding(2, 'drop-column')).toMatchObject({
      line: 2,
      verdict: 'data-destroyed',
      allowed: 'nobody reads it',
    });
    const allowed = await judge({ paths: ['m/3_c.up.sql'], engine });
    expect(allowed.exit).toBe(0);
  },
);

describe('the engine', () => {
  const ROWS: [engine: string, folder: Folder][] = [
    ['postgresql', { 'm/1_a.up.sql': 'CREATE TABLE t (a jsonb);' }],
    ['postgresql', { 'm/1_a.up.sql': 'CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql;' }],
    ['postgresql', { 'm/1_a.up.sql': 'ALTER TABLE t ALTER COLUMN a TYPE bigint;' }],
    ['postgresql', { 'm/1_a.up.sql': "UPDATE t SET a = '1'::int;" }],
    ['mysql', { 'm/1_a.up.sql': 'CREATE TABLE t (a int UNSIGNED) ENGINE=InnoDB;' }],
    ['mysql', { 'm/1_a.up.sql': 'ALTER TABLE t MODIFY COLUMN a bigint;' }],
    ['sqlite', { 'm/1_a.up.sql': 'CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT);' }],
    ['sqlite', { 'm/1_a.up.sql': 'CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT;' }],
    ['sqlite', fixtures.prisma],
    ['sqlite', fixtures.drizzle],
    ['mysql', { 'm/migration_lock.toml': 'provider = "mysql"', 'm/1_a/migration.sql': 'SELECT 1;' }],
  ];
  test.each(ROWS)('%s is told by the files', async (engine, folder) => {
    await put(folder);
    const { files } = await judge({ paths: ['m'], engine: undefined });
    expect(files.map((one) => one.engine)).toEqual(files.map(() => engine));
  });

  test.each(["SELECT 'jsonb';", '-- jsonb\nSELECT 1;', 'CREATE TABLE t (a int); /* ENGINE=InnoDB */'])(
    'words in texts and comments do not tell: %s',
    async (sql) => {
      await put({ 'm/1_a.up.sql': sql });
      await expect(judge({ paths: ['m'], engine: undefined })).rejects.toMatchObject({
        code: 'ENGINE_UNKNOWN',
      });
    },
  );
});

describe('as a program', () => {
  async function cli(...args: string[]) {
    return run(process.execPath, [CLI, 'migrations', ...args], {
      cwd,
      env: { ...process.env, NO_COLOR: '1' },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({
        code: code as number,
        stdout: stdout as string,
        stderr: stderr as string,
      }),
    );
  }

  test('text, exit 4 and exit 0', async () => {
    await put(BLOCKING);
    const bad = await cli('--engine', 'sqlite');
    expect(bad.code).toBe(4);
    expect(bad.stdout).toBe(
      [
        '  [OK] db/migrations/01_create.sql: the old code can run; reversal lossy',
        '  [OK] db/migrations/02_add.sql: the old code can run; reversal lossy',
        '  [FAIL] db/migrations/03_drop.sql: data is destroyed; reversal impossible',
        '    3: ALTER TABLE orders DROP COLUMN note (drop-column: data destroyed)',
        "    The old code's statements that name orders.note fail, and the values of the column are gone.",
        '    Fix: Drop it only once no release that may be gone back to uses it.',
        '    See: docs/rules/drop-column.md',
        '',
        '1 of 3 files stands in the way of going back.',
        '',
      ].join('\n'),
    );
    const good = await cli('db/migrations/01_create.sql', 'db/migrations/02_add.sql', '--engine', 'sqlite');
    expect(good.code).toBe(0);
    expect(good.stdout).toMatch(/\nNothing in 2 files stands in the way of going back\.\n$/);
    expect(good.stderr).toBe('');
  });

  test('JSON is an array; a mistake is an object with an error', async () => {
    await put(BLOCKING);
    const { code, stdout } = await cli('--engine', 'sqlite', '--output', 'json');
    expect(code).toBe(4);
    const files = JSON.parse(stdout) as JudgedFile[];
    expect(Array.isArray(files)).toBe(true);
    for (const { file, engine, verdict, reversal, findings } of files) {
      expect([typeof file, engine, typeof verdict, typeof reversal]).toEqual([
        'string',
        'sqlite',
        'string',
        'string',
      ]);
      for (const { rule, statement, line, why, fix } of findings) {
        expect([typeof rule, typeof statement, typeof line, typeof why, typeof fix]).toEqual([
          'string',
          'string',
          'number',
          'string',
          'string',
        ]);
      }
    }
    const wrong = await cli('nowhere', '--output', 'json');
    expect(wrong.code).toBe(2);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'MIGRATIONS_NOT_FOUND', exit: 2 } });
  });

  test.each<[string, string[], RegExp]>([
    [
      'an engine that there is not',
      ['--engine', 'oracle'],
      /^Error: Unknown engine "oracle" \(USAGE\)\nValid are: postgresql, mysql, sqlite\.\n/,
    ],
    [
      'a format that there is not',
      ['--format', 'golang-migrat'],
      /^Error: Unknown migration format "golang-migrat"; did you mean "golang-migrate"\? \(USAGE\)/,
    ],
    ['no value', ['--from'], /^Error: --from needs a value \(USAGE\)/],
    ['an option for a value', ['--from', '--to', 'v2'], /^Error: --from needs a value/],
    ['two engines', ['--engine', 'mysql', '--engine', 'sqlite'], /^Error: --engine is given twice/],
    ['an option of others', ['--strategy', 'rolling'], /^Error: Unknown option --strategy of "migrations"/],
    ['an output that there is not', ['--output', 'xml'], /^Error: Unknown output format "xml"/],
  ])('%s ends with 2', async (_, args, said) => {
    const { code, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(said);
  });
});
