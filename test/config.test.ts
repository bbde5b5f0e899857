import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationJsonSchema } from '../src/config/json-schema.ts';
import { loadConfiguration, parseConfiguration, selectService } from '../src/config/load.ts';
import type { RollbackError } from '../src/model/error.ts';

const MINIMAL = `services:
  shop:
    platform: { kind: local, port: 8080 }
    registry: { kind: oci-layout }
`;

function refusal(text: string): RollbackError {
  try {
    parseConfiguration(text, 'rollback.yaml');
  } catch (error) {
    return error as RollbackError;
  }
  throw new Error('was accepted');
}

describe('a configuration that is right', () => {
  test('fills in every default', () => {
    const shop = parseConfiguration(MINIMAL, 'rollback.yaml').services.shop;
    expect(shop?.platform).toMatchObject({ instances: 3, host: '127.0.0.1', drainTimeout: 30 });
    expect(shop?.registry).toEqual({ kind: 'oci-layout', path: 'images' });
    expect(shop?.database).toBeUndefined();
    expect(shop?.monitor.duration).toBe(1800);
  });

  test('takes durations as text', () => {
    const text = MINIMAL.replace('port: 8080', 'port: 8080, drainTimeout: 500ms, keepWarm: 1.5h');
    expect(parseConfiguration(text, 'f').services.shop?.platform).toMatchObject({
      drainTimeout: 0.5,
      keepWarm: 5400,
    });
  });

  test('may use anchors', () => {
    const text = `services:\n  shop:\n    platform: &p { kind: local, port: 1 }\n    registry: &r { kind: oci-layout }\n  two: { platform: *p, registry: *r }\n`;
    expect(Object.keys(parseConfiguration(text, 'f').services)).toEqual(['shop', 'two']);
  });
});

describe('each problem, at its line and column', () => {
  const rows: [name: string, text: string, problems: string[]][] = [
    [
      'unknown platform',
      MINIMAL.replace('local', 'lokal'),
      [
        'rollback.yaml:3:23  services.shop.platform.kind: unknown platform "lokal"; did you mean "local"? (valid: local, kubernetes)',
      ],
    ],
    [
      'platform without a kind',
      MINIMAL.replace('kind: local, ', ''),
      ['rollback.yaml:3:5  services.shop.platform.kind: is missing (valid: local, kubernetes)'],
    ],
    [
      'unknown keys at two depths, and a wrong number, all at once',
      `services:
  shop:
    platform:
      kind: local
      prot: 8080
      instances: 0
    registry: { kind: oci-layout }
    retenshun: { keep: 3 }
`,
      [
        'rollback.yaml:3:5  services.shop.platform.port: is missing',
        'rollback.yaml:5:7  services.shop.platform.prot: unknown key "prot"; did you mean "port"? (valid: kind, instances, port, host, drainTimeout, startTimeout, stopTimeout, keepWarm)',
        'rollback.yaml:6:18  services.shop.platform.instances: must be at least 1, is 0',
        'rollback.yaml:8:5  services.shop.retenshun: unknown key "retenshun"; did you mean "retention"? (valid: platform, registry, metrics, database, configuration, health, good, validation, monitor, backup, retention)',
      ],
    ],
    [
      'a number where text is needed',
      `${MINIMAL}    configuration:\n      environment: { TAX: 19 }\n`,
      ['rollback.yaml:6:27  services.shop.configuration.environment.TAX: must be text: write "19" in quotes'],
    ],
    [
      'a duration that is none',
      MINIMAL.replace('port: 8080', 'port: 8080, drainTimeout: 30 sec'),
      [
        'rollback.yaml:3:56  services.shop.platform.drainTimeout: must be a number of seconds, or a duration such as 500ms, 30s, 10m, 1h, not "30 sec"',
      ],
    ],
    [
      'a secret that comes from nowhere',
      `${MINIMAL}    configuration:\n      secrets:\n        KEY: { en: KEY }\n        PASS: {}\n        ID: 3\n`,
      [
        'rollback.yaml:7:16  services.shop.configuration.secrets.KEY.en: unknown key "en"; did you mean "env"? (valid: env, file)',
        'rollback.yaml:8:9  services.shop.configuration.secrets.PASS: must have "env" or "file"',
        'rollback.yaml:9:13  services.shop.configuration.secrets.ID: must be a mapping (key: value)',
      ],
    ],
    [
      'an unknown migration format',
      `${MINIMAL}    database: { kind: sqlite, path: a.db, migrations: { format: dbmat } }\n`,
      [
        'rollback.yaml:5:65  services.shop.database.migrations.format: unknown format "dbmat"; did you mean "dbmate"? (valid: alembic, atlas, dbmate, diesel, django, drizzle, ecto, flyway, golang-migrate, goose, knex, liquibase, prisma, rails, sequelize, sqitch, sqlx, typeorm)',
      ],
    ],
    [
      'a service name that is none',
      MINIMAL.replace('shop', 'My_Shop'),
      [
        'rollback.yaml:2:3  services.My_Shop: is no valid name: lower-case letters, digits and dashes, at most 63',
      ],
    ],
    ['no service', 'services: {}\n', ['rollback.yaml:1:1  services: names at least one service']],
    [
      'a key without a value',
      'services:\n',
      ['rollback.yaml:1:1  services: has no value; it must be a mapping (name: value)'],
    ],
    ['a list for the file', '- a\n', ['rollback.yaml:1:1  must be a mapping (key: value), not a list']],
    [
      'an empty file',
      '# nothing yet\n',
      ['rollback.yaml:1:1  the file is empty; it must name at least one service'],
    ],
    [
      'a health path without a slash',
      `${MINIMAL}    health: { path: healthz }\n`,
      ['rollback.yaml:5:21  services.shop.health.path: must be text that starts with /, not "healthz"'],
    ],
    [
      'a duplicate key, with a caret',
      `${MINIMAL}    registry: { kind: oci-layout }\n`,
      [
        'rollback.yaml:5:5  duplicate key "registry": this mapping has it already\n  5 |     registry: { kind: oci-layout }\n    |     ^',
      ],
    ],
    [
      'a syntax error, with a caret',
      'services:\n  shop: [\n',
      [
        'rollback.yaml:3:1  Flow sequence in block collection must be sufficiently indented and end with a ]\n  3 | \n    | ^',
      ],
    ],
  ];

  test.each(rows)('%s', (_name, text, problems) => {
    const error = refusal(text);
    expect(error.detail?.split(/\n(?=rollback\.yaml:)/)).toEqual(problems);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', exit: 2 });
    expect(error.summary).toBe(
      `rollback.yaml has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
    );
  });
});

describe('finding the file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('looks upward, and resolves the state folder from the file', async () => {
    await writeFile(join(folder, 'rollback.yml'), `${MINIMAL}state: { path: var/state }\n`);
    await mkdir(join(folder, 'a/b'), { recursive: true });
    expect(await loadConfiguration(join(folder, 'a/b'))).toMatchObject({
      path: join(folder, 'rollback.yml'),
      folder,
      statePath: join(folder, 'var/state'),
    });
  });

  test('prefers the nearest', async () => {
    await mkdir(join(folder, 'a'));
    await writeFile(join(folder, 'rollback.yaml'), 'broken');
    await writeFile(join(folder, 'a/rollback.yaml'), MINIMAL);
    expect((await loadConfiguration(join(folder, 'a'))).folder).toBe(join(folder, 'a'));
  });

  test('says how to write one where none is', async () => {
    await expect(loadConfiguration(folder)).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      summary: 'No rollback.yaml found',
      fix: expect.stringContaining('rollback-deploy-auto init'),
      exit: 2,
    });
  });

  test('names a file that is not there, and one that is a folder', async () => {
    await expect(loadConfiguration(folder, 'x.yaml')).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      summary: 'There is no configuration file x.yaml',
    });
    await mkdir(join(folder, 'd'));
    await expect(loadConfiguration(folder, 'd')).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      summary: 'Cannot read d',
      exit: 2,
    });
  });
});

describe('choosing the service', () => {
  const two = parseConfiguration(
    `${MINIMAL}  cart:\n    platform: { kind: local, port: 8081 }\n    registry: { kind: oci-layout }\n`,
    'f',
  );

  test('the only one needs no name', () => {
    expect(selectService(parseConfiguration(MINIMAL, 'f'), undefined).name).toBe('shop');
  });

  test('one of several must be named', () => {
    expect(() => selectService(two, undefined)).toThrow(
      expect.objectContaining({ code: 'SERVICE_NOT_NAMED', exit: 2 }),
    );
    expect(selectService(two, 'cart').configuration.platform).toMatchObject({ port: 8081 });
  });

  test('an unknown one is answered with the nearest', () => {
    expect(() => selectService(two, 'shpo')).toThrow(
      expect.objectContaining({ summary: 'Unknown service "shpo"; did you mean "shop"?', exit: 2 }),
    );
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv({ allErrors: true }).compile(configurationJsonSchema());

  test('the published file is what the code says (node scripts/write-json-schema.mjs writes it)', async () => {
    const published: unknown = JSON.parse(await readFile('schema/rollback.schema.json', 'utf8'));
    expect(published).toEqual(JSON.parse(JSON.stringify(configurationJsonSchema())));
  });

  test('refuses what the reader refuses', () => {
    expect(validate(parse(MINIMAL))).toBe(true);
    expect(validate(parse(MINIMAL.replace('local', 'lokal')))).toBe(false);
    expect(validate(parse(MINIMAL.replace('port', 'prot')))).toBe(false);
  });

  test('every example is valid by both', async () => {
    const files = (await readdir('examples', { recursive: true })).filter((file) => file.endsWith('.yaml'));
    expect(files).toContain('local.yaml');
    for (const file of files) {
      const text = await readFile(join('examples', file), 'utf8');
      parseConfiguration(text, file);
      expect(validate(parse(text)), `${file}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
  });
});

describe('the documentation', () => {
  test('names every key in docs/configuration.md', async () => {
    const page = await readFile('docs/configuration.md', 'utf8');
    for (const key of keysOf(configurationJsonSchema()))
      expect(page, key).toMatch(new RegExp(`(^|[\`. ])${key}([\`:]|$)`, 'm'));
  });

  test('every configuration shown in docs/configuration.md is valid', async () => {
    const page = await readFile('docs/configuration.md', 'utf8');
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((match) => match[1] as string);
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) parseConfiguration(block, 'docs/configuration.md');
  });
});

/** Every key that a schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (schema === null || typeof schema !== 'object') return [];
  const { properties, ...rest } = schema as { properties?: Record<string, unknown> };
  const own = Object.entries(properties ?? {}).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
  return [...own, ...Object.values(rest).flatMap(keysOf)];
}
