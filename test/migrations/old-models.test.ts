import { join } from 'node:path';
import Libsql from 'libsql';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HAS_MARIADB, startMariadb } from '../databases/mariadb.ts';
import { HAS_POSTGRESQL, startPostgresql } from '../databases/postgresql.ts';
import type { OldCodeRig } from './old-code-rig.ts';
import { oldCodeRig } from './old-code-rig.ts';

/** One schema of Prisma in two files. */
const schema = (provider: string) => ({
  'prisma/schema.prisma': `datasource db {
  provider = "${provider}"
}

/// Who orders. 
model Customer { 
  id      Int      @id @default(autoincrement())
  email   String   @unique @map("e_mail")
  phone   String?
  level   Level    @default(BASIC)
  made    DateTime @default(now()) @map(name: "made_at")
  hidden  String?  @ignore
  spot    Unsupported("point")?
  orders  Order[]
  tags    Tag[]

  @@map("customers")
}

model Tag {
  id        Int        @id
  customers Customer[]
}

model Retired {
  id Int @id
  @@ignore
}
`,
  'prisma/models/orders.prisma': `model Order {
  id         Int      @id
  customer   Customer @relation(fields: [customerId], references: [id])
  customerId Int      @map("customer_id")
  @@map(name: "orders")
}

view Summary {
  id    Int @unique
  total Int
}

enum Level {
  BASIC @map("basic")
  GOLD
}
`,
  // Prisma Migrate's own are no queries.
  'prisma/migrations/20260101000000_start/migration.sql': 'INSERT INTO gone VALUES (1);',
});

const TABLES = (quote: string, level: string, id: string) => `
  CREATE TABLE customers (id ${id}, e_mail varchar(50) NOT NULL, phone varchar(20), level ${level} NOT NULL, made_at timestamp NOT NULL);
  CREATE TABLE ${quote}Tag${quote} (id int PRIMARY KEY);
  CREATE TABLE ${quote}_CustomerToTag${quote} (${quote}A${quote} int NOT NULL, ${quote}B${quote} int NOT NULL);
  CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL);
  CREATE VIEW ${quote}Summary${quote} AS SELECT id, customer_id AS total FROM orders;
  CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);
  INSERT INTO schema_migrations VALUES ('01')`;

let rig: OldCodeRig;
beforeEach(async () => {
  rig = await oldCodeRig('CREATE TABLE orders (id int PRIMARY KEY)');
});
afterEach(() => rig.end());

describe.skipIf(!HAS_POSTGRESQL)('PostgreSQL', () => {
  test('a schema of Prisma, a list of columns and plain INSERTs: what they don’t give is found', async () => {
    const server = await startPostgresql();
    const client = new pg.Client({ connectionString: server.url('postgres') });
    try {
      await client.connect();
      await client.query(
        `CREATE TYPE "Level" AS ENUM ('basic', 'GOLD'); ${TABLES('"', '"Level"', 'serial PRIMARY KEY')}`,
      );
      await rig.put({
        ...schema('postgresql'),
        'lists/columns.yaml': '# of the ORM\norders: [id, customer_id]\nbilling.notes:\n  - id\n  - sum\n',
        'lists/insert.sql': 'INSERT INTO customers (e_mail, level, made_at) VALUES ($1, $2, $3);',
      });
      await client.query(
        'CREATE SCHEMA billing; CREATE TABLE billing.notes (id int GENERATED ALWAYS AS IDENTITY, sum int)',
      );
      const judge = (path: string) => rig.judge(server.url('postgres'), path);
      expect(await judge('prisma')).toMatchObject({
        exit: 0,
        said: [
          ['prisma/models/orders.prisma', 'safe', []],
          ['prisma/schema.prisma', 'safe', []],
        ],
      });
      const lists = await judge('lists');
      expect(lists.said).toEqual([
        [
          'lists/columns.yaml',
          'conditional',
          [
            expect.stringMatching(
              /^3 billing\.notes: INSERT.*billing\.notes\.id is filled by the database alone/,
            ),
          ],
        ],
        ['lists/insert.sql', 'safe', []],
      ]);
      expect(lists.files[0]?.findings[0]?.when).toBe('where it gives id a value');

      await client.query(`ALTER TABLE customers ADD region text NOT NULL, ALTER phone SET NOT NULL;
        ALTER TABLE orders ADD region text NOT NULL; ALTER TABLE customers DROP made_at;
        ALTER TYPE "Level" RENAME VALUE 'GOLD' TO 'gold'; DROP TABLE "_CustomerToTag"`);
      const { said, exit } = await judge('prisma');
      expect(exit).toBe(4);
      expect(said).toEqual([
        [
          'prisma/models/orders.prisma',
          'writes-fail',
          [
            expect.stringMatching(
              /^1 Order: INSERT .*column orders\.region must not be NULL, has no default/,
            ),
            expect.stringMatching(/^13 Level: SELECT CAST.*invalid input value for enum "Level": "GOLD"/),
          ],
        ],
        [
          'prisma/schema.prisma',
          'reads-fail',
          [
            expect.stringMatching(/^6 Customer: SELECT.*column "made_at" does not exist/),
            expect.stringMatching(/^6 Customer: INSERT.*column "made_at" of relation "customers"/),
            expect.stringMatching(/^6 _CustomerToTag: SELECT.*"_CustomerToTag" does not exist/),
            expect.stringMatching(/^6 _CustomerToTag: INSERT.*"_CustomerToTag" does not exist/),
          ],
        ],
      ]);
      await client.query(`ALTER TABLE customers ADD made_at timestamp NOT NULL DEFAULT now(), ALTER region SET DEFAULT '';
        ALTER TYPE "Level" RENAME VALUE 'gold' TO 'GOLD'; ALTER TYPE "Level" ADD VALUE 'new';
        ALTER TABLE orders ALTER region SET DEFAULT ''; CREATE TABLE "_CustomerToTag" ("A" int, "B" int)`);
      const mended = await judge('prisma');
      expect(mended.exit).toBe(0);
      expect(mended.files.flatMap(({ findings }) => findings.map(({ why, when }) => [why, when]))).toEqual([
        [expect.stringContaining("type Level has the value 'new'"), 'once a row holds it'],
        [expect.stringContaining('column customers.phone must not be NULL'), 'where it leaves phone out'],
      ]);
      await client.query('ALTER TABLE customers ALTER region DROP DEFAULT, ALTER phone DROP NOT NULL');
      expect((await judge('lists')).said[1]).toEqual([
        'lists/insert.sql',
        'writes-fail',
        [expect.stringMatching(/^1 INSERT INTO customers .*column customers\.region must not be NULL/)],
      ]);
      // The server itself says the same of a row.
      const inserted = client.query(
        "INSERT INTO customers (e_mail, level, made_at) VALUES ('a', 'GOLD', now())",
      );
      await expect(inserted).rejects.toMatchObject({ code: '23502', column: 'region' });
      await client.query(`CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.region := 'x'; RETURN NEW; END $$;
        CREATE TRIGGER fill BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION fill()`);
      expect((await judge('lists')).said[1]?.[1]).toBe('conditional');
    } finally {
      await client.end();
      await server.stop();
    }
  });
});

describe.skipIf(!HAS_MARIADB)('MariaDB', () => {
  test('a schema of Prisma, and a list of columns', async () => {
    const server = await startMariadb();
    const { host, port, user, password } = server;
    const client = await mysql.createConnection({ host, port, user, password, multipleStatements: true });
    try {
      const level = "enum('basic', 'GOLD')";
      await client.query(
        `CREATE DATABASE shop; USE shop; ${TABLES('`', level, 'int AUTO_INCREMENT PRIMARY KEY')}`,
      );
      await rig.put({ ...schema('mysql'), 'columns.json': '{ "orders": ["id", "customer_id"] }' });
      const judge = (path: string) => rig.judge(server.url('shop'), path);
      expect(await judge('prisma')).toMatchObject({ exit: 0, said: [{ 1: 'safe' }, { 1: 'safe' }] });
      expect(await judge('columns.json')).toMatchObject({ exit: 0, said: [{ 1: 'safe' }] });
      await client.query(`ALTER TABLE orders ADD region varchar(9) NOT NULL;
        ALTER TABLE customers MODIFY level enum('basic', 'gold', 'new') NOT NULL; DROP VIEW Summary`);
      expect((await judge('columns.json')).said).toEqual([
        [
          'columns.json',
          'writes-fail',
          [
            expect.stringMatching(
              /^1 orders: INSERT .*column orders\.region must not be NULL, has no default/,
            ),
          ],
        ],
      ]);
      await expect(client.query('INSERT INTO orders (id, customer_id) VALUES (1, 1)')).rejects.toThrow(
        /region/,
      );
      expect((await judge('prisma')).said).toEqual([
        [
          'prisma/models/orders.prisma',
          'reads-fail',
          [
            expect.stringMatching(/^1 Order: INSERT .*orders\.region/),
            expect.stringMatching(/^8 Summary: SELECT.*Summary' doesn't exist/),
          ],
        ],
        [
          'prisma/schema.prisma',
          'writes-fail',
          [expect.stringMatching(/^6 Customer: INSERT.*column customers\.level has no value 'GOLD'/)],
        ],
      ]);
    } finally {
      await client.end();
      await server.stop();
    }
  });
});

describe('SQLite', () => {
  const shop = (more = '') => {
    const db = new Libsql(join(rig.cwd, 'shop.db'));
    db.exec(TABLES('"', 'text', 'INTEGER PRIMARY KEY') + more);
    db.close();
    return 'shop.db';
  };

  test('a schema of Prisma that fits', async () => {
    await rig.put(schema('sqlite'));
    expect(await rig.judge(shop(), 'prisma')).toMatchObject({
      exit: 0,
      said: [{ 1: 'safe' }, { 1: 'safe' }],
    });
  });

  test('columns that neither the model nor an INSERT gives', async () => {
    await rig.put({
      ...schema('sqlite'),
      'insert.sql': 'INSERT INTO orders (id) VALUES (?);\nINSERT OR IGNORE INTO orders (id) VALUES (?);',
    });
    const database = shop(
      ';ALTER TABLE orders ADD region text NOT NULL DEFAULT \'\'; CREATE TABLE o2 (id int PRIMARY KEY, customer_id int NOT NULL, region text NOT NULL); DROP VIEW "Summary"; DROP TABLE orders; ALTER TABLE o2 RENAME TO orders; CREATE VIEW "Summary" AS SELECT id, 1 AS total FROM orders',
    );
    expect((await rig.judge(database, 'prisma')).said[0]).toEqual([
      'prisma/models/orders.prisma',
      'writes-fail',
      [expect.stringMatching(/^1 Order: INSERT .*column orders\.region must not be NULL, has no default/)],
    ]);
    expect((await rig.judge(database, 'insert.sql')).said).toEqual([
      [
        'insert.sql',
        'writes-fail',
        [
          expect.stringMatching(
            /^1 INSERT .*column orders\.customer_id, orders\.region must not be NULL, have no/,
          ),
        ],
      ],
    ]);
  });

  test('sqlc: what its configuration names is read, by the file itself and in its folder', async () => {
    await rig.put({
      'app/sqlc.yaml':
        'version: "2"\nsql:\n  - engine: sqlite\n    schema: schema.sql\n    queries: [queries, more.sql]\n',
      'app/schema.sql': 'INSERT INTO gone (a) VALUES (1);',
      'app/queries/a.sql':
        '-- name: A :many\nSELECT id FROM orders WHERE id IN (sqlc.slice(ids)) AND id > @least;\n',
      'app/more.sql': '/* name: B :one */\nSELECT gone FROM orders WHERE id = sqlc.arg(id);\n',
      'one/sqlc.json': '{ "version": "1", "packages": [{ "queries": "./queries/", "engine": "sqlite" }] }',
      'one/queries/a.sql': '-- name: A :many\nSELECT id FROM orders;\n',
    });
    const database = shop();
    const found = [
      ['app/more.sql', 'reads-fail', [expect.stringMatching(/^2 B: SELECT gone .*no such column: gone/)]],
      ['app/queries/a.sql', 'safe', []],
    ];
    expect((await rig.judge(database, 'app')).said).toEqual(found);
    expect((await rig.judge(database, 'app/sqlc.yaml')).said).toEqual(found);
    expect((await rig.judge(database, 'one/sqlc.json')).said).toEqual([['one/queries/a.sql', 'safe', []]]);
  });

  test.each([
    ['a.prisma', 'model Order {\n  id Int @id\n  what }{\n', /can't be read, line 3: /],
    [
      'b.prisma',
      'model Order {\n  id Int @id\n  customer Customer\n}\n',
      /Order\.customer is of the type Customer, which is in none/,
    ],
    ['c.json', '{ "orders": ', /can't be read: /],
    ['sqlc.yaml', 'sql: [', /can't be read: /],
  ])('%s that can’t be read is said, with the reason', async (file, content, detail) => {
    await rig.put({ [`q/${file}`]: content });
    const database = shop();
    const path = `q/${file}`;
    await expect(rig.judge(database, path)).rejects.toMatchObject({
      code: 'QUERIES_NOT_FOUND',
      detail: expect.stringMatching(detail),
    });
  });
});
