import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { databases } from '../../src/adapters/database/index.ts';
import type { SecretAccess, SecretKeyReference } from '../../src/adapters/database/server-address.ts';
import { addressOf, labelOf } from '../../src/adapters/database/server-address.ts';
import { parseConfiguration } from '../../src/config/load.ts';

afterEach(() => vi.unstubAllEnvs());
const secretKey = async ({ name, key }: SecretKeyReference) => `${name} ${key}`;
const inFolder = (absolute: (path: string) => string): SecretAccess => ({ absolute, secretKey });
const same = inFolder((path) => path);

test('a URL and its parts name the same', async () => {
  vi.stubEnv('DATABASE_URL', 'postgresql://de%40p:s%3Acret%2F@db.internal:5433/shop?sslmode=verify-full');
  vi.stubEnv('PASSWORD', 's:cret/');
  const parts = { host: 'db.internal', port: 5433, user: 'de@p', database: 'shop' };
  const expected = { ...parts, password: 's:cret/', tls: 'verify-full', ca: undefined };
  expect(await addressOf({ url: { env: 'DATABASE_URL' } }, same)).toEqual(expected);
  const password = { env: 'PASSWORD' };
  expect(await addressOf({ ...parts, password, tls: 'verify-full' }, same)).toEqual(expected);
});

test.each([
  [
    'mysql://root@[::1]/shop?ssl-mode=VERIFY_CA&ssl-ca=ca.pem',
    { host: '::1', tls: 'verify-ca', ca: '/etc/ca.pem' },
  ],
  ['mariadb:///shop?socket=/run/mysqld/mysqld.sock', { host: '/run/mysqld/mysqld.sock', user: undefined }],
  ['postgres:///shop?host=/var/run/postgresql', { host: '/var/run/postgresql', tls: 'prefer' }],
  ['postgresql://db', { host: 'db', database: undefined, port: undefined }],
])('%s', async (url, expected) => {
  expect(
    await addressOf(
      { url },
      inFolder((path) => join('/etc', path)),
    ),
  ).toMatchObject(expected);
});

test('a file’s last line break is no part of a password; what is missing is named, and its content never', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rda-address-'));
  try {
    const absolute = (path: string) => join(folder, path);
    await writeFile(absolute('password'), 'two\nlines\n');
    const access = inFolder(absolute);
    const of = (file: string) => addressOf({ database: 'shop', password: { file } }, access);
    expect((await of('password')).password).toBe('two\nlines');
    await expect(of('gone')).rejects.toMatchObject({ code: 'SECRET_MISSING', exit: 2 });
    const unset = addressOf({ url: { env: 'NO_SUCH_VARIABLE' } }, same);
    await expect(unset).rejects.toMatchObject({ code: 'SECRET_MISSING' });
    await writeFile(absolute('url'), 'postgresql//me:hidden@db/shop');
    const error = await addressOf({ url: { file: 'url' } }, access).catch((e) => e);
    expect(error).toMatchObject({ code: 'DATABASE_URL_INVALID', exit: 2 });
    expect(JSON.stringify([error, error.cause, error.message, error.stack])).not.toContain('hidden');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a key of a Secret is asked for as it is configured', async () => {
  const secretKeyRef = { name: 'shop-db', key: 'password' };
  const address = await addressOf({ database: 'shop', password: { secretKeyRef } }, same);
  expect(address.password).toBe('shop-db password');
});

test('the label is known before any secret is, and holds none', () => {
  expect(labelOf({ url: { env: 'DATABASE_URL' } })).toBe('$DATABASE_URL');
  expect(labelOf({ url: { file: 'db.url' } })).toBe('db.url');
  expect(labelOf({ url: { secretKeyRef: { name: 'shop-db', key: 'url' } } })).toBe('secret/shop-db/url');
  expect(labelOf({ url: 'postgresql://me@db.internal/shop' })).toBe('db.internal/shop');
  expect(labelOf({ host: 'db', database: 'shop', password: { env: 'P' } })).toBe('db/shop');
  expect(labelOf({ database: 'shop' })).toBe('localhost/shop');
});

describe('rollback.yaml', () => {
  const text = (database: string) => `services:
  shop:
    platform: { kind: local, port: 8080 }
    registry: { kind: oci-layout }
    database: ${database}
`;
  const parse = (database: string) => parseConfiguration(text(database), 'rollback.yaml');

  test.each(['postgresql', 'mysql'] as const)('%s: by URL and by parts', (kind) => {
    for (const address of [
      'url: { env: DATABASE_URL }',
      'url: { secretKeyRef: { name: shop-db, key: url } }',
      'database: shop, password: { secretKeyRef: { name: shop-db, key: password, namespace: data } }',
      `url: "${kind}://me@db/shop"`,
      'database: shop',
    ]) {
      const shop = parse(`{ kind: ${kind}, ${address} }`).services.shop;
      if (!shop) throw new Error('no service');
      const history = { table: 'schema_migrations', column: 'version' };
      const database = databases[kind]({
        configuration: shop,
        configFolder: '/x',
        stateDir: '/x',
        history,
        secretKey,
      });
      expect(database.name).toMatch(new RegExp(`^${kind} `));
    }
  });

  test.each([
    ['{ kind: postgresql, url: "postgresql://me:hidden@db/shop" }', /url: must not hold a password/],
    ['{ kind: mysql, url: "mysql://db/shop?password=hidden" }', /url: must not hold a password/],
    ['{ kind: postgresql, url: "http://me:hidden@db" }', /url: must be SCHEME/],
    ['{ kind: postgresql, url: { env: A }, host: db }', /must have either "url", or "database"/],
    ['{ kind: mysql, host: db }', /must have either "url", or "database"/],
    ['{ kind: mysql, database: shop, password: hidden }', /password/],
    ['{ kind: mysql, database: shop, password: { secretKeyRef: { name: shop } } }', /key/],
    ['{ kind: mysql, database: shop, tls: always }', /unknown tls "always"/],
    ['{ kind: postgres, database: shop }', /unknown database "postgres"; did you mean "postgresql"/],
  ])('%s is refused, and shows no password', (database, told) => {
    let message = '';
    try {
      parse(database);
    } catch (error) {
      message = JSON.stringify([error, (error as Error).message, (error as { detail?: string }).detail]);
    }
    expect(message.replaceAll('\\"', '"')).toMatch(told);
    expect(message).not.toContain('hidden');
  });
});
