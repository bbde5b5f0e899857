import { join } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { DatabaseServer } from '../databases/server.ts';
import type { OldCodeRig } from './old-code-rig.ts';
import { oldCodeRig } from './old-code-rig.ts';

const CREATE = 'CREATE TABLE orders (id int PRIMARY KEY, email varchar(50), total int)';
/** The old code knew `note`; the live schema has no such column, and `email` is unique in neither. */
const MODELS = 'orders: [id, email, total, note]\n';

let rig: OldCodeRig;
beforeEach(async () => {
  rig = await oldCodeRig(CREATE);
});
afterEach(() => rig.end());

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  let server: DatabaseServer;
  let client: pg.Client;
  beforeAll(async () => {
    server = await startPostgresql({ shared_preload_libraries: 'pg_stat_statements' });
    client = new pg.Client({ connectionString: server.url('postgres') });
    await client.connect();
    await client.query(`${CREATE}; CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
      INSERT INTO schema_migrations VALUES ('01')`);
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  test('SQL and sqlc queries, and columns of models: those that fail are named, and nothing is run', async () => {
    await rig.put({
      'db/queries/orders.sql': `-- name: GetOrder :one
SELECT id, email FROM orders WHERE id = $1;

-- name: GetNote :one
SELECT note FROM orders WHERE id = @id AND total > sqlc.arg(total);

-- name: PutOrder :exec
INSERT INTO orders (id, email, total) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING;

-- name: Whole :many
SELECT sqlc.embed(o), $1 IS NULL FROM orders o WHERE id = ANY(@ids::int[]) OR sqlc.narg('email')::text IS NULL
LIMIT @most;

-- name: Clear :exec
DELETE FROM orders;
DROP TABLE orders;
`,
      'db/queries/models.yaml': MODELS,
      'db/queries/good.sql': 'UPDATE orders SET total = total + 1 WHERE id = $1 AND email = $2;',
      'db/queries/odd.sql': 'SELECT FROM WHERE;',
    });
    await client.query("INSERT INTO orders VALUES (1, 'a', 2)");
    const { said, exit } = await rig.judge(server.url('postgres'), 'db/queries');
    expect(exit).toBe(4);
    expect(said).toEqual([
      ['db/queries/good.sql', 'safe', []],
      [
        'db/queries/models.yaml',
        'reads-fail',
        [
          '1 orders: SELECT "id", "em On the live schema it fails: column "note" does not exist.',
          '1 orders: INSERT INTO "ord On the live schema it fails: column "note" of relation "orders" does not exist.',
        ],
      ],
      ['db/queries/odd.sql', 'unknown', [expect.any(String)]],
      [
        'db/queries/orders.sql',
        'reads-fail',
        [
          '5 GetNote: SELECT note FRO On the live schema it fails: column "note" does not exist.',
          '8 PutOrder: INSERT INTO or On the live schema it fails: there is no unique or exclusion constraint matching the ON CONFLICT specification.',
        ],
      ],
    ]);
    expect((await client.query('SELECT * FROM orders')).rows).toEqual([{ id: 1, email: 'a', total: 2 }]);
    await client.query('DELETE FROM orders');
  });

  test('what was run there before, as pg_stat_statements keeps it: warns', async () => {
    const none = rig.judge(server.url('postgres'), 'pg_stat_statements');
    await expect(none).rejects.toMatchObject({ code: 'QUERIES_NOT_FOUND', exit: 2 });
    await client.query('CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()');
    await client.query('ALTER TABLE orders ADD note text');
    await client.query('SELECT note, total FROM orders WHERE id = $1', [1]);
    await client.query('SELECT total FROM orders WHERE id = 7');
    await client.query(
      "SELECT now() - interval '1 day' > date '2026-01-01', 7 IS NULL, count(*) FROM orders",
    );
    await client.query('ALTER TABLE orders DROP note');
    const { files, exit } = await rig.judge(server.url('postgres'), 'pg_stat_statements');
    expect(exit).toBe(0);
    expect(files).toMatchObject([
      {
        file: 'pg_stat_statements',
        verdict: 'conditional',
        findings: [{ rule: 'old-query', why: 'On the live schema it fails: column "note" does not exist.' }],
      },
    ]);
  });
});

describe.skipIf(!HAS_MARIADB)('MariaDB', () => {
  let server: DatabaseServer;
  beforeAll(async () => {
    server = await startMariadb();
    const { host, port, user, password } = server;
    const client = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
    await client.query(`CREATE DATABASE shop; USE shop; ${CREATE};
      CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('01')`);
    await client.end();
  });
  afterAll(() => server?.stop());

  test('SQL and columns of models', async () => {
    await rig.put({
      'q/orders.sql':
        '-- name: Good :one\nSELECT id FROM orders WHERE id = ?;\n-- name: Bad :one\nSELECT note FROM orders;\nINSERT INTO gone (a) VALUES (?);',
      'q/models.json': '{ "orders": ["id", "note"] }',
    });
    const { said } = await rig.judge(server.url('shop'), 'q');
    expect(said).toEqual([
      ['q/models.json', 'reads-fail', [expect.stringContaining("'note'"), expect.stringContaining("'note'")]],
      [
        'q/orders.sql',
        'reads-fail',
        [
          expect.stringMatching(/^4 Bad: .*'note'/),
          expect.stringContaining("Table 'shop.gone' doesn't exist"),
        ],
      ],
    ]);
  });
});

describe('SQLite', () => {
  const database = () => {
    const db = new Libsql(join(rig.cwd, 'shop.db'));
    db.exec(
      `${CREATE}; CREATE TABLE schema_migrations (version TEXT); INSERT INTO schema_migrations VALUES ('01')`,
    );
    db.close();
    return 'shop.db';
  };

  test('SQL and columns of models', async () => {
    await rig.put({
      'q/orders.sql':
        'SELECT id FROM orders WHERE id = :id;\nUPDATE orders SET note = ?1;\nDELETE FROM orders;',
      'q/models.yaml': MODELS,
    });
    const { said } = await rig.judge(database(), 'q');
    expect(said).toEqual([
      [
        'q/models.yaml',
        expect.stringMatching(/fail/),
        expect.arrayContaining([expect.stringContaining('note')]),
      ],
      ['q/orders.sql', 'writes-fail', [expect.stringContaining('no such column: note')]],
    ]);
  });

  test('what is no list of columns, an empty folder, and no database', async () => {
    await rig.put({ 'q/models.yaml': 'orders: 7\n', 'empty/a.txt': 'x' });
    const shop = database();
    await expect(rig.judge(shop, 'q')).rejects.toMatchObject({ code: 'QUERIES_NOT_FOUND', exit: 2 });
    await expect(rig.judge(shop, 'empty')).rejects.toMatchObject({ code: 'QUERIES_NOT_FOUND' });
    await expect(rig.judge(shop, 'absent')).rejects.toMatchObject({ code: 'QUERIES_NOT_FOUND' });
    await expect(rig.judge(shop, 'pg_stat_statements')).rejects.toMatchObject({ code: 'QUERIES_NOT_FOUND' });
    await expect(rig.judge(undefined, 'q')).rejects.toMatchObject({
      code: 'USAGE',
      exit: 2,
    });
  });
});
