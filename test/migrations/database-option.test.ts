import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import Libsql from 'libsql';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../src/commands/migrations.ts';
import type { JudgedFile } from '../../src/model/judged-file.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { DatabaseServer } from '../databases/server.ts';
import type { Folder } from './fixtures.ts';

const run = promisify(execFile);
const CLI = resolve('dist/cli.js');
const up = (sql: string) => `-- migrate:up\n${sql}\n-- migrate:down\n`;

const CREATE = up('CREATE TABLE orders (id int PRIMARY KEY, note varchar(20));');
const ADD = up('ALTER TABLE orders ADD COLUMN total int;');
const DROP = up('ALTER TABLE orders DROP COLUMN note;');
const FILES: Folder = {
  'db/migrations/01_create.sql': CREATE,
  'db/migrations/02_add.sql': ADD,
  'db/migrations/03_drop.sql': DROP,
};

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'rda-database-option-'));
  await put(FILES);
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function put(folder: Folder): Promise<void> {
  for (const [path, content] of Object.entries(folder)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), content);
  }
}

async function judge(database: string, options: Partial<Parameters<typeof migrations>[1]> = {}) {
  const given = {
    paths: [],
    engine: undefined,
    format: undefined,
    from: undefined,
    to: undefined,
    ...options,
  };
  const { exit, json } = await migrations(cwd, { ...given, database });
  const files = json as JudgedFile[];
  const said = Object.fromEntries(files.map(({ file, verdict }) => [file, verdict]));
  const rules = Object.fromEntries(
    files.map(({ file, findings }) => [file, findings.map(({ rule }) => rule)]),
  );
  return { exit, files, said, rules };
}

/** The live database, after the first `n` migrations. */
function live(n: number, ...more: string[]): string {
  const db = new Libsql(join(cwd, 'shop.db'));
  db.exec('CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)');
  for (const [path, text] of Object.entries(FILES).slice(0, n)) {
    db.exec(text.replaceAll(/-- migrate:.*/g, ''));
    db.exec(`INSERT INTO schema_migrations VALUES ('${/(\d+)_/.exec(path)?.[1]}')`);
  }
  for (const sql of more) db.exec(sql);
  db.close();
  return 'shop.db';
}

describe('SQLite', () => {
  test('what is not applied yet is judged, on the schema of what is', async () => {
    const { exit, said, files } = await judge(live(1));
    expect(exit).toBe(4);
    expect(said).toEqual({
      'db/migrations/02_add.sql': 'safe',
      'db/migrations/03_drop.sql': 'data-destroyed',
      'sqlite shop.db': 'safe',
    });
    expect(files[1]?.findings[0]).toMatchObject({ rule: 'drop-column', catalog: 'agrees' });
    expect(files[2]).toMatchObject({ about: 'database', engine: 'sqlite', findings: [] });
  });

  test('nothing is left to judge where all is applied', async () => {
    expect(await judge(live(3))).toMatchObject({ exit: 0, said: { 'sqlite shop.db': 'safe' } });
  });

  test('a schema changed by hand warns', async () => {
    const { exit, files } = await judge(
      live(3, 'ALTER TABLE orders ADD COLUMN extra TEXT', 'CREATE TABLE own (a)'),
    );
    expect(exit).toBe(0);
    expect(files).toHaveLength(1);
    expect(files[0]?.findings.map(({ rule, why }) => [rule, why])).toEqual([
      ['schema-drift', expect.stringContaining('column orders.extra: not in the target')],
    ]);
  });

  test('an applied one without a file, and one that was left out, are said', async () => {
    const database = live(1, "INSERT INTO schema_migrations VALUES ('03'), ('99')");
    const { said, rules } = await judge(database);
    expect(rules['sqlite shop.db']).toContain('history-missing-file');
    expect(rules['db/migrations/02_add.sql']).toContain('history-gap');
    expect(said['sqlite shop.db']).toBe('unknown');
  });

  test('--from: what is applied since, against the live schema', async () => {
    const git = (...args: string[]) =>
      run(
        'git',
        ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'commit.gpgsign=false', ...args],
        { cwd },
      );
    await git('init', '-q');
    await rm(join(cwd, 'db/migrations/02_add.sql'));
    await rm(join(cwd, 'db/migrations/03_drop.sql'));
    await git('add', 'db');
    await git('commit', '-qm', 'v1');
    await git('tag', 'v1');
    await put(FILES);
    const { said, exit } = await judge(live(2), { from: 'v1' });
    expect({ said, exit }).toEqual({
      said: { 'db/migrations/02_add.sql': 'safe', 'sqlite shop.db': 'safe' },
      exit: 0,
    });
    const db = new Libsql(join(cwd, 'shop.db'));
    db.exec('ALTER TABLE orders DROP COLUMN note');
    db.close();
    const changed = await judge('sqlite:shop.db', { from: 'v1' });
    expect(changed.exit).toBe(4);
    expect(changed.files.at(-1)?.findings).toMatchObject([{ rule: 'drop-column', catalog: 'alone' }]);
  });

  test('what can’t be compared warns, and is no reason to stop', async () => {
    const rest = { 'db/migrations/04_attach.sql': up("ATTACH 'x.db' AS x;") };
    await put(rest);
    const { files } = await judge(live(3));
    expect(files.at(-1)).toMatchObject({
      verdict: 'conditional',
      findings: [{ rule: 'schema-not-compared', why: expect.stringContaining('reaches other files') }],
    });
  });

  test('no history, several folders, no such database', async () => {
    const empty = new Libsql(join(cwd, 'empty.db'));
    empty.exec('CREATE TABLE a (b)');
    empty.close();
    await expect(judge('empty.db')).rejects.toMatchObject({ code: 'HISTORY_MISSING', exit: 2 });
    await expect(judge('absent.db')).rejects.toMatchObject({ code: 'DATABASE_MISSING' });
    const paths = ['db/migrations/01_create.sql'];
    await expect(judge(live(1), { paths })).rejects.toMatchObject({ code: 'USAGE', exit: 2 });
  });

  test('as a command: text and JSON', async () => {
    const database = live(2);
    const failed = await run(CLI, ['migrations', '--database', database], { cwd }).catch((error) => error);
    expect(failed.code).toBe(4);
    expect(failed.stdout).toBe(
      `  [FAIL] db/migrations/03_drop.sql: data is destroyed; reversal impossible
    1: ALTER TABLE orders DROP COLUMN note (drop-column: data destroyed)
    The old code's statements that name orders.note fail, and the values of the column are gone.
    Fix: Drop it only once no release that may be gone back to uses it.
    See: docs/rules/drop-column.md
  [OK] sqlite shop.db: history and schema are those of the files

1 of 1 file stands in the way of going back.
`.replace('    1: ALTER', '    2: ALTER'),
    );
    const json = await run(CLI, ['migrations', '--database', database, '--output', 'json'], { cwd }).catch(
      (e) => e,
    );
    expect(JSON.parse(json.stdout).map((one: JudgedFile) => [one.file, one.about])).toEqual([
      ['db/migrations/03_drop.sql', undefined],
      ['sqlite shop.db', 'database'],
    ]);
  });
});

test.each([
  'postgresql://me:secret@db/shop',
  'postgresql://db/shop?password=secret',
  'mysql://me:secret@db/shop',
])('a password in an argument is refused, and not repeated: %s', async (url) => {
  const error = await judge(url).catch((e) => e);
  expect(error).toMatchObject({ code: 'USAGE', exit: 2, summary: '--database holds a password' });
  expect(JSON.stringify([error, error.message, error.stack])).not.toContain('secret');
  expect(error.fix).toContain(url.startsWith('mysql') ? 'MYSQL_PWD' : 'PGPASSWORD');
});

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startPostgresql();
  });
  afterAll(() => server?.stop());

  test('a DO block that is still to come is judged by the schema that it makes', async () => {
    const client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query('CREATE DATABASE shop');
    await client.end();
    const shop = new pg.Client({ connectionString: server.url('shop') });
    await shop.connect();
    await shop.query('CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)');
    await shop.query('CREATE TABLE orders (id int PRIMARY KEY, note varchar(20))');
    await shop.query("INSERT INTO schema_migrations VALUES ('01')");
    await shop.end();
    await rm(join(cwd, 'db/migrations/03_drop.sql'));
    await put({
      'db/migrations/04_block.sql': up("DO $$ BEGIN EXECUTE 'ALTER TABLE orders DROP COLUMN note'; END $$;"),
    });
    process.env.RDA_TEST_URL = server.url('shop');
    try {
      const { said, files } = await judge('env:RDA_TEST_URL');
      expect(said).toEqual({
        'db/migrations/02_add.sql': 'safe',
        'db/migrations/04_block.sql': 'unknown',
        'postgresql $RDA_TEST_URL': 'data-destroyed',
      });
      expect(files.at(-1)?.findings).toMatchObject([{ rule: 'drop-column', catalog: 'alone' }]);
    } finally {
      delete process.env.RDA_TEST_URL;
    }
  });
});
