import { ALL, type Example, SERVERS } from './example.ts';

const UNIQUE = `CREATE TABLE t (id int PRIMARY KEY, code varchar(20), n int);
CREATE UNIQUE INDEX t_code ON t (code);
INSERT INTO t VALUES (1, 'a', 1);`;
const READS = ['SELECT id, code, n FROM t ORDER BY id'];
const PARENT = `CREATE TABLE customers (id int PRIMARY KEY, name varchar(20));
CREATE TABLE invoices (id int PRIMARY KEY, customer int);
INSERT INTO customers VALUES (1, 'a'), (2, 'b');
INSERT INTO invoices VALUES (1, 1);`;
const INVOICES = ['SELECT id, customer FROM invoices ORDER BY id', 'SELECT id FROM customers ORDER BY id'];
const UPSERT = "INSERT INTO t (id, code, n) VALUES (2, 'a', 5) ON CONFLICT (code) DO UPDATE SET n = 5";
const MYSQL_UPSERT = "INSERT INTO t (id, code, n) VALUES (2, 'a', 5) ON DUPLICATE KEY UPDATE n = 5";

export const CONSTRAINTS: Example[] = [
  {
    rule: 'drop-unique',
    engines: ['postgresql', 'sqlite'],
    what: 'a unique index dropped',
    schema: UNIQUE,
    migration: 'DROP INDEX t_code;',
    finds: 'writes-fail',
    reads: READS,
    writes: [UPSERT],
  },
  {
    rule: 'drop-unique',
    engines: ['mysql'],
    what: 'a unique index dropped',
    schema: UNIQUE,
    migration: 'ALTER TABLE t DROP INDEX t_code;',
    finds: 'writes-fail',
    reads: READS,
    writes: [MYSQL_UPSERT],
  },
  {
    rule: 'drop-unique',
    engines: ['postgresql'],
    what: 'a primary key dropped',
    schema: UNIQUE,
    migration: 'ALTER TABLE t DROP CONSTRAINT t_pkey;',
    finds: 'writes-fail',
    reads: READS,
    writes: ["INSERT INTO t (id, code, n) VALUES (1, 'a', 5) ON CONFLICT (id) DO NOTHING"],
  },
  {
    rule: 'drop-unique',
    engines: ['mysql'],
    what: 'a primary key dropped',
    schema:
      "CREATE TABLE t (id int PRIMARY KEY, code varchar(20), n int);\nINSERT INTO t VALUES (1, 'a', 1);",
    migration: 'ALTER TABLE t DROP PRIMARY KEY;',
    finds: 'writes-fail',
    reads: READS,
    writes: ["INSERT INTO t (id, code, n) VALUES (1, 'b', 5) ON DUPLICATE KEY UPDATE n = 5"],
  },
  {
    rule: 'drop-unique',
    engines: ['postgresql', 'sqlite'],
    what: 'a unique index dropped and made again under another name',
    schema: UNIQUE,
    migration: 'DROP INDEX t_code;\nCREATE UNIQUE INDEX t_code_key ON t (code);',
    finds: 'safe',
    reads: READS,
    writes: [UPSERT],
  },
  {
    rule: 'drop-unique',
    engines: ['mysql'],
    what: 'a unique index dropped and made again under another name',
    schema: UNIQUE,
    migration: 'DROP INDEX t_code ON t;\nCREATE UNIQUE INDEX t_code_key ON t (code);',
    finds: 'safe',
    reads: READS,
    writes: [MYSQL_UPSERT],
  },
  {
    rule: 'drop-unique',
    engines: ['postgresql', 'sqlite'],
    what: 'an index dropped that is not unique',
    schema: `${UNIQUE}\nCREATE INDEX t_n ON t (n);`,
    migration: 'DROP INDEX t_n;',
    finds: 'safe',
    reads: READS,
    writes: [UPSERT],
  },
  {
    rule: 'new-constraint',
    engines: ALL,
    what: 'a unique index',
    migration: 'CREATE UNIQUE INDEX orders_total ON orders (total);',
    finds: 'conditional',
    met: { writes: ["INSERT INTO orders (id, total, note) VALUES (8, 30, 'n8')"] },
  },
  {
    rule: 'new-constraint',
    engines: SERVERS,
    what: 'a CHECK',
    migration: 'ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 100);',
    finds: 'conditional',
    met: { writes: ["INSERT INTO orders (id, total, note) VALUES (8, 300, 'n8')"] },
  },
  {
    rule: 'new-constraint',
    engines: SERVERS,
    what: 'a foreign key',
    schema: PARENT,
    migration: 'ALTER TABLE invoices ADD CONSTRAINT c FOREIGN KEY (customer) REFERENCES customers (id);',
    finds: 'conditional',
    reads: INVOICES,
    writes: ['INSERT INTO invoices (id, customer) VALUES (2, 2)'],
    met: { writes: ['INSERT INTO invoices (id, customer) VALUES (2, 77)'] },
  },
  {
    rule: 'new-constraint',
    engines: ALL,
    what: 'a new table whose rows refer to rows that the old code deletes',
    schema: PARENT,
    migration:
      'CREATE TABLE notes (id int PRIMARY KEY, customer int, FOREIGN KEY (customer) REFERENCES customers (id));',
    finds: 'conditional',
    reads: INVOICES,
    writes: ['DELETE FROM customers WHERE id = 2'],
    met: { condition: 'INSERT INTO notes VALUES (1, 2)' },
  },
  {
    rule: 'new-constraint',
    engines: ALL,
    what: 'a new table whose rows go with those that they refer to',
    schema: PARENT,
    migration:
      'CREATE TABLE notes (id int PRIMARY KEY, customer int, FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE);',
    finds: 'safe',
    reads: INVOICES,
    writes: ['DELETE FROM customers WHERE id = 2'],
  },
  {
    rule: 'new-constraint',
    engines: ['postgresql'],
    what: 'an exclusion constraint',
    schema: "CREATE TABLE stays (room int, during int4range);\nINSERT INTO stays VALUES (1, '[1,5)');",
    migration: 'ALTER TABLE stays ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&);',
    finds: 'conditional',
    reads: ['SELECT room FROM stays ORDER BY room'],
    writes: ["INSERT INTO stays (room, during) VALUES (2, '[5,9)')"],
    met: { writes: ["INSERT INTO stays (room, during) VALUES (2, '[2,3)')"] },
  },
  {
    rule: 'new-constraint',
    engines: ['postgresql'],
    what: 'a CHECK of a domain',
    schema:
      'CREATE DOMAIN amount AS int;\nCREATE TABLE t (id int PRIMARY KEY, a amount);\nINSERT INTO t VALUES (1, 5);',
    migration: 'ALTER DOMAIN amount ADD CHECK (VALUE < 100);',
    finds: 'conditional',
    reads: ['SELECT id, a FROM t ORDER BY id'],
    writes: ['INSERT INTO t (id, a) VALUES (2, 6)'],
    met: { writes: ['INSERT INTO t (id, a) VALUES (3, 600)'] },
  },
  {
    rule: 'new-constraint',
    engines: ALL,
    what: 'a unique index of a column that the old code leaves NULL',
    migration:
      'ALTER TABLE orders ADD COLUMN code varchar(20);\nCREATE UNIQUE INDEX orders_code ON orders (code);',
    finds: 'safe',
  },
  {
    rule: 'drop-constraint',
    engines: SERVERS,
    what: 'a foreign key dropped',
    schema: `${PARENT}\nALTER TABLE invoices ADD CONSTRAINT invoices_customer FOREIGN KEY (customer) REFERENCES customers (id) ON DELETE CASCADE;`,
    migration: 'ALTER TABLE invoices DROP CONSTRAINT invoices_customer;',
    finds: 'conditional',
    reads: INVOICES,
    writes: ['INSERT INTO invoices (id, customer) VALUES (2, 2)'],
    met: { writes: ['DELETE FROM customers WHERE id = 1'] },
  },
  {
    rule: 'drop-constraint',
    engines: SERVERS,
    what: 'a CHECK of the migration itself dropped again',
    migration: [
      'ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 100);',
      'ALTER TABLE orders DROP CONSTRAINT small;',
    ],
    finds: 'safe',
  },
];
