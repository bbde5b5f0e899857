import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteDatabase } from '../src/adapters/database/sqlite.ts';
import type { CommandContext } from '../src/commands/context.ts';
import { queryFindings } from '../src/commands/shipped-queries.ts';
import { systemClock } from '../src/commands/system-clock.ts';
import { RollbackError } from '../src/model/error.ts';
import type { Facts } from '../src/model/facts.ts';
import type { Release } from '../src/model/release.ts';

const QUERIES = `-- name: ListOrders :many
SELECT id, note FROM orders;
-- name: AddOrder :exec
INSERT INTO orders (note) VALUES (@note);
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-queries-'));
  const db = new Libsql(join(folder, 'shop.db'));
  db.exec(
    'CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT); CREATE TABLE sessions (id INTEGER PRIMARY KEY, token TEXT NOT NULL)',
  );
  db.close();
});
afterAll(() => rm(folder, { recursive: true }));

test('queries that the live schema has all for are fine, and none was run', async () => {
  const found = await findings({
    'orders.sql': QUERIES,
    'models.yaml': 'orders: [id, note]',
    'README.md': '#',
  });
  expect(found).toEqual([
    expect.objectContaining({
      status: 'ok',
      title: 'All 4 queries of v1 can be prepared on the live schema',
    }),
  ]);
  const db = new Libsql(join(folder, 'shop.db'));
  expect(db.prepare('SELECT count(*) AS n FROM orders').get()).toMatchObject({ n: 0 });
  db.close();
});

test('a query that fails stops, with file, line, name and the database’s own error', async () => {
  const [finding, ...others] = await findings({
    'orders.sql': `${QUERIES}-- name: Old :one\nSELECT legacy FROM orders;\n`,
  });
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    check: 'migrations',
    status: 'fail',
    blocking: true,
    title: '1 of 3 queries of v1 fails on the live schema',
    evidence: [
      expect.stringMatching(
        /^db\/queries\/orders\.sql:6: Old: SELECT legacy FROM orders: .*no such column: legacy/,
      ),
    ],
  });
  expect(finding?.fix.at(-1)).toContain('--accept migrations');
});

test('a model whose INSERT would leave out what the live schema needs stops', async () => {
  const [finding, ...others] = await findings({
    'schema.prisma': 'model Session {\n  id Int @id @default(autoincrement())\n  @@map("sessions")\n}\n',
  });
  expect(others).toEqual([]);
  expect(finding).toMatchObject({
    status: 'fail',
    blocking: true,
    title: '1 of 2 queries of v1 fails on the live schema',
    evidence: [
      'db/queries/schema.prisma:1: Session: INSERT INTO "sessions" DEFAULT VALUES: column sessions.token must not be NULL, has no default, and it gives no value',
    ],
  });
});

test('one that may leave it out warns', async () => {
  const found = await findings({
    'schema.prisma': 'model Session {\n  id Int @id\n  token String?\n  @@map("sessions")\n}\n',
  });
  expect(found).toMatchObject([
    {
      status: 'warn',
      blocking: false,
      title: '1 of 2 queries of v1 may fail on the live schema',
      evidence: [expect.stringMatching(/sessions\.token must not be NULL.*, where it leaves token out$/)],
    },
  ]);
});

test.each([
  ['no such folder', undefined, 'The image shop:v1 has no folder db/queries.'],
  ['no queries', { 'README.md': '#' }, undefined],
  [
    'an image that can’t be read',
    new RollbackError({ code: 'X', summary: 'The registry is away' }),
    'The registry is away',
  ],
  ['a list that is none', { 'models.yaml': '- a' }, 'There are no queries in db/queries/models.yaml'],
])('%s is unknown, and stops nothing', async (_, files, why) => {
  const [finding, ...others] = await findings(files);
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ status: 'unknown', blocking: false });
  expect(finding?.evidence.join('\n')).toContain(why ?? '');
});

test('nothing is looked at where it is not configured', async () => {
  expect(await findings({}, {})).toEqual([]);
});

async function findings(
  files: Record<string, string> | Error | undefined,
  configured: object = { queries: 'db/queries' },
) {
  const context = {
    clock: systemClock,
    configFolder: folder,
    configuration: { database: { migrations: { path: 'db/migrations', from: 'image' }, ...configured } },
    stop: { immediate: new AbortController().signal },
    adapters: {
      database: sqliteDatabase({
        path: join(folder, 'shop.db'),
        label: 'shop.db',
        history: { table: 'schema_migrations', column: 'version' },
        backupFolder: join(folder, 'backups'),
        keep: 1,
      }),
      registry: {
        folderReader: (path: string) => async () => {
          if (files instanceof Error) throw files;
          return (
            files && Object.entries(files).map(([name, content]) => ({ path: `${path}/${name}`, content }))
          );
        },
      },
    },
  } as unknown as CommandContext;
  const facts = { database: { known: true, value: { engine: 'sqlite' } } } as unknown as Facts;
  const release = { id: 'r1', version: 'v1', image: { reference: 'shop:v1', digest: 'sha256:1' } };
  return queryFindings(context, facts, release as unknown as Release);
}
