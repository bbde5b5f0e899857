import { mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { nodeVersion } from '../src/commands/doctor.ts';
import { examineStateFolder } from '../src/commands/doctor-state.ts';
import { type InitResult, init } from '../src/commands/init.ts';
import { configurationJsonSchema } from '../src/config/json-schema.ts';
import { loadConfiguration, parseConfiguration } from '../src/config/load.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'init-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

async function written(): Promise<string> {
  return readFile(join(folder, 'rollback.yaml'), 'utf8');
}

describe('init', () => {
  test('writes what it finds, and the file loads', async () => {
    await write('package.json', '{"name": "@acme/Web_Shop"}');
    await write('.env', 'PORT=9090\nSHOP_TOKEN=hunter2\nLOG_LEVEL=info\n');
    await write(
      'Dockerfile',
      'FROM node\nEXPOSE 3000\nHEALTHCHECK --interval=5s \\\n  CMD curl -f http://localhost:3000/ready || exit 1\n',
    );
    await write('oci/oci-layout', '{"imageLayoutVersion":"1.0.0"}');
    await write('data/shop.db', 'SQLite format 3\0 and so on');
    await write('data/not-a.db', 'something else');
    await write('db/migrations/1_a.sql', '-- migrate:up\nSELECT 1;\n');
    await write('config/shop.json', '{}');
    const outcome = await init(folder, {});
    expect(outcome).toMatchObject({ exit: 0, next: 'rollback-deploy-auto doctor' });
    expect((outcome.json as InitResult).found).toEqual([
      'service web-shop, from package.json',
      'port 9090, from PORT in .env',
      'health path /ready, from HEALTHCHECK in Dockerfile',
      'images in oci/',
      'database data/shop.db',
      'migrations in db/migrations, dbmate',
      'secrets by name in .env: SHOP_TOKEN; their values are not read',
    ]);
    const { services } = (await loadConfiguration(folder)).configuration;
    expect(services['web-shop']).toMatchObject({
      platform: { kind: 'local', instances: 3, port: 9090 },
      registry: { kind: 'oci-layout', path: 'oci' },
      database: { kind: 'sqlite', path: 'data/shop.db', migrations: { path: 'db/migrations' } },
      configuration: { files: ['config/shop.json'] },
      health: { path: '/ready' },
      monitor: { duration: 1800 },
    });
    const text = await written();
    expect(text).not.toContain('hunter2');
    expect(text).toMatch(/^# yaml-language-server: \$schema=.*schema\/rollback\.schema\.json\n/);
    expect(new Ajv().compile(configurationJsonSchema())(parse(text))).toBe(true);
  });

  test.each([
    ['src/main/resources/db/migration', { 'V1__a.sql': 'SELECT 1;' }, 'flyway', 'flyway'],
    [
      'prisma/migrations',
      { '20260101_a/migration.sql': 'SELECT 1;', 'migration_lock.toml': 'provider = "sqlite"' },
      'prisma',
      'prisma',
    ],
    [
      'migrations',
      { '0001_a.up.sql': 'SELECT 1;', '0001_a.down.sql': 'SELECT 1;' },
      'golang-migrate or sqlx',
      'golang-migrate',
    ],
    ['migrations', { 'notes.md': '' }, undefined, 'dbmate'],
  ])('whose migrations are in %s: %o', async (place, files, said, format) => {
    await write('shop.db', '');
    for (const [name, content] of Object.entries(files)) await write(`${place}/${name}`, content);
    const { json } = await init(folder, { service: 'shop' });
    expect((json as InitResult).found.filter((line) => line.startsWith('migrations in'))).toEqual([
      said === undefined
        ? `migrations in ${place}, of a format that the files don't tell`
        : `migrations in ${place}, ${said.includes(' or ') ? 'of ' : ''}${said}`,
    ]);
    const { services } = (await loadConfiguration(folder)).configuration;
    expect(services.shop?.database?.migrations).toMatchObject({ format, path: place });
  });

  test('an empty folder gives a file that loads, and says what is a guess', async () => {
    const { json } = await init(folder, { service: 'shop' });
    expect((json as InitResult).found.filter((line) => line.includes('guess'))).toHaveLength(3);
    expect((await loadConfiguration(folder)).configuration.services.shop?.database).toBeUndefined();
  });

  test('what is commented out is right once it is not', async () => {
    await init(folder, { service: 'shop' });
    const text = (await written()).replace(/^( +)# (database:|files:|secrets:| +[\w$]+:)/gm, '$1$2');
    expect(parseConfiguration(text, 'f').services.shop).toMatchObject({
      database: { kind: 'sqlite', path: 'data/app.db' },
      configuration: {
        files: ['config/app.json'],
        environment: {},
        secrets: { SESSION_KEY: { env: 'SESSION_KEY' } },
      },
    });
  });

  test('names with blanks and a name like a number survive', async () => {
    await write('1/oci-layout', '{}');
    await write('my data/a b.db', '');
    await init(folder, { service: 'shop' });
    expect((await loadConfiguration(folder)).configuration.services.shop).toMatchObject({
      registry: { path: '1' },
      database: { path: 'my data/a b.db' },
    });
  });

  test('points editors at an installed schema', async () => {
    await write('node_modules/rollback-deploy-auto/schema/rollback.schema.json', '{}');
    await init(folder, {});
    expect(await written()).toContain(
      '$schema=./node_modules/rollback-deploy-auto/schema/rollback.schema.json\n',
    );
  });

  test.each(['rollback.yaml', 'rollback.yml'])('never overwrites %s', async (file) => {
    await write(file, 'mine');
    await expect(init(folder, {})).rejects.toMatchObject({
      code: 'FILE_EXISTS',
      summary: `${file} is there already`,
      exit: 2,
    });
    expect(await readFile(join(folder, file), 'utf8')).toBe('mine');
  });

  test('an invalid --service is said at once, and nothing is written', async () => {
    await expect(init(folder, { service: 'My Shop' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      exit: 2,
    });
    await expect(written()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('init --claude', () => {
  const path = '.claude/commands/rollback-deploy-auto.md';

  test('writes a command that plans, asks, and then runs', async () => {
    const outcome = await init(folder, { claude: true });
    expect(outcome.json).toMatchObject({ file: path, written: true });
    const [, front, body] = (await readFile(join(folder, path), 'utf8')).split(/^---$/m) as string[];
    expect(parse(front as string)).toEqual({
      name: 'rollback-deploy-auto',
      type: 'command',
      category: 'deployment',
      description: expect.any(String),
      'argument-hint': expect.stringContaining('--version TAG'),
      'allowed-tools': expect.stringMatching(/^Bash\(rollback-deploy-auto plan:\*\)/),
    });
    const order = ['rollback-deploy-auto plan $ARGUMENTS', 'Ask:', 'rollback-deploy-auto $ARGUMENTS'];
    const places = order.map((text) => (body as string).indexOf(text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  test('again changes nothing; a file that differs is left alone', async () => {
    await init(folder, { claude: true });
    expect((await init(folder, { claude: true })).json).toMatchObject({ written: false });
    await write(path, 'mine');
    await expect(init(folder, { claude: true })).rejects.toMatchObject({ code: 'FILE_EXISTS', exit: 2 });
    expect(await readFile(join(folder, path), 'utf8')).toBe('mine');
  });

  test('says where it can not write', async () => {
    await write('.claude', 'a file');
    await expect(init(folder, { claude: true })).rejects.toMatchObject({ code: 'CANNOT_WRITE', exit: 2 });
  });
});

describe('doctor', () => {
  test('knows a Node.js that is too old', () => {
    expect(nodeVersion('20.18.3')).toMatchObject({
      status: 'fail',
      title: 'Node.js 20.18.3 is older than 20.19',
    });
    expect(nodeVersion('20.19.0').status).toBe('ok');
    expect(nodeVersion('26.0.0').status).toBe('ok');
  });

  test('a state folder that is not there yet is fine, and stays so', async () => {
    const state = join(folder, 'a/.rollback');
    const found = await examineStateFolder(state);
    expect(found[0]).toEqual({
      status: 'ok',
      title: `State folder ${state} is writable and has hard links (it will be made)`,
      fix: [],
    });
    await expect(readFile(join(folder, 'a'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a state folder below a file can not be', async () => {
    await write('blocked', '');
    const [first] = await examineStateFolder(join(folder, 'blocked/.rollback'));
    expect(first).toMatchObject({ status: 'fail' });
    expect(first?.title).toContain("can't be written");
  });

  test('temporary files of dead processes are named, fresh ones are not', async () => {
    await write('runs/r-1/000002.x.tmp', '');
    await write('runs/r-1/000003.y.tmp', '');
    const old = new Date(Date.now() - 3_600_000);
    await utimes(join(folder, 'runs/r-1/000002.x.tmp'), old, old);
    await symlink('nowhere', join(folder, 'gone.tmp'));
    const warned = (await examineStateFolder(folder)).filter(({ status }) => status === 'warn');
    expect(warned).toEqual([
      {
        status: 'warn',
        title: `1 temporary file of processes that died in ${folder}`,
        fix: [`They are not used and may be removed: rm ${join(folder, 'runs/r-1/000002.x.tmp')}`],
      },
    ]);
  });
});
