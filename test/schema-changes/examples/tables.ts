import { ALL, type Example, SERVERS } from './example.ts';

export const TABLES: Example[] = [
  {
    rule: 'create-table',
    engines: ALL,
    what: 'a table that the old code does not know',
    migration: 'CREATE TABLE carts (id int PRIMARY KEY, note varchar(20) NOT NULL);',
    finds: 'safe',
  },
  {
    rule: 'drop-table',
    engines: ALL,
    what: 'a table dropped',
    migration: 'DROP TABLE orders;',
    finds: 'data-destroyed',
  },
  {
    rule: 'drop-table',
    engines: ALL,
    what: 'a table made and dropped again, in two files',
    migration: ['CREATE TABLE scratch (id int PRIMARY KEY);', 'DROP TABLE scratch;'],
    finds: 'safe',
  },
  {
    rule: 'rename-table',
    engines: ALL,
    what: 'a table renamed',
    migration: 'ALTER TABLE orders RENAME TO purchases;',
    finds: 'reads-fail',
  },
  {
    rule: 'rename-table',
    engines: SERVERS,
    what: 'a table renamed, with a view under the old name',
    migration: 'ALTER TABLE orders RENAME TO purchases;\nCREATE VIEW orders AS SELECT * FROM purchases;',
    finds: 'safe',
  },
  {
    rule: 'rename-table',
    engines: ['sqlite'],
    what: 'a table renamed, with a view under the old name, which SQLite does not write through',
    migration:
      'ALTER TABLE orders RENAME TO purchases;\nCREATE VIEW orders AS SELECT id, email, total, note FROM purchases;',
    finds: 'writes-fail',
  },
  {
    rule: 'rename-table',
    engines: ALL,
    what: 'a table renamed and renamed back',
    migration: ['ALTER TABLE orders RENAME TO purchases;', 'ALTER TABLE purchases RENAME TO orders;'],
    finds: 'safe',
  },
  {
    rule: 'rename-table',
    engines: ['postgresql'],
    what: 'a table moved to another schema',
    migration: 'CREATE SCHEMA sales;\nALTER TABLE orders SET SCHEMA sales;',
    finds: 'reads-fail',
  },
  {
    rule: 'name-reused',
    engines: ALL,
    what: 'a table renamed away, and its name used for another',
    migration: `ALTER TABLE orders RENAME TO archive;
CREATE TABLE orders (id int PRIMARY KEY, email varchar(50), total int NOT NULL DEFAULT 0, note varchar(100) NOT NULL);`,
    finds: 'reads-fail',
  },
  {
    rule: 'name-reused',
    engines: ALL,
    what: 'a table dropped and made again, empty',
    migration: `DROP TABLE orders;
CREATE TABLE orders (id int PRIMARY KEY, email varchar(50), total int NOT NULL DEFAULT 0, note varchar(100) NOT NULL);`,
    finds: 'data-destroyed',
  },
  {
    rule: 'name-reused',
    engines: ALL,
    what: 'a column renamed away, and its name used for another',
    migration: `ALTER TABLE orders RENAME COLUMN note TO remark;
ALTER TABLE orders ADD COLUMN note varchar(100) NOT NULL DEFAULT '';`,
    finds: 'reads-fail',
  },
  {
    rule: 'name-reused',
    engines: ALL,
    what: 'a rebuild: created, copied, dropped, renamed',
    migration: `CREATE TABLE orders_new (id int PRIMARY KEY, email varchar(50), total int NOT NULL DEFAULT 0, note varchar(100) NOT NULL, x int);
INSERT INTO orders_new (id, email, total, note) SELECT id, email, total, note FROM orders;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;`,
    finds: 'safe',
  },
  {
    rule: 'rebuild',
    engines: ALL,
    what: 'a table made anew, and no migration makes it as it was',
    handmade: 'CREATE TABLE legacy (id int PRIMARY KEY, n int);',
    migration: `CREATE TABLE legacy_new (id int PRIMARY KEY);
INSERT INTO legacy_new SELECT id FROM legacy;
DROP TABLE legacy;
ALTER TABLE legacy_new RENAME TO legacy;`,
    finds: 'unknown',
    reads: ['SELECT id, n FROM legacy'],
    writes: [],
  },
  {
    rule: 'rebuild',
    engines: ALL,
    what: 'a table made anew that a migration makes as it was',
    migration: `CREATE TABLE orders_new (id int PRIMARY KEY, email varchar(50), total int NOT NULL DEFAULT 0, note varchar(100) NOT NULL);
INSERT INTO orders_new SELECT * FROM orders;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;`,
    finds: 'safe',
  },
  {
    rule: 'rows-left-out',
    engines: ALL,
    what: 'a rebuild that takes some of the rows',
    migration: `CREATE TABLE orders_new (id int PRIMARY KEY, email varchar(50), total int NOT NULL DEFAULT 0, note varchar(100) NOT NULL);
INSERT INTO orders_new SELECT id, email, total, note FROM orders WHERE id > 1;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;`,
    finds: 'data-destroyed',
  },
  {
    rule: 'rows-left-out',
    engines: ALL,
    what: 'some of the rows copied to a new table, and the old one kept',
    migration: `CREATE TABLE large (id int PRIMARY KEY, total int);
INSERT INTO large SELECT id, total FROM orders WHERE total > 20;`,
    finds: 'safe',
  },
  {
    rule: 'drop-schema',
    engines: ['postgresql'],
    what: 'a schema dropped with what is in it',
    schema: `CREATE SCHEMA sales;
CREATE TABLE sales.orders (id int PRIMARY KEY);
INSERT INTO sales.orders VALUES (1);`,
    migration: 'DROP SCHEMA sales CASCADE;',
    finds: 'data-destroyed',
    also: ['drop-table'],
    reads: ['SELECT id FROM sales.orders'],
    writes: [],
  },
  {
    rule: 'drop-schema',
    engines: ['postgresql'],
    what: 'a schema made and dropped again',
    migration: 'CREATE SCHEMA scratch;\nCREATE TABLE scratch.t (id int);\nDROP SCHEMA scratch CASCADE;',
    finds: 'safe',
  },
  {
    rule: 'detach-partition',
    engines: ['postgresql'],
    what: 'a partition detached',
    schema: `CREATE TABLE events (day date NOT NULL, n int) PARTITION BY RANGE (day);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events VALUES ('2025-03-01', 1);`,
    migration: 'ALTER TABLE events DETACH PARTITION events_2025;',
    finds: 'reads-fail',
    reads: ['SELECT n FROM events'],
    writes: ["INSERT INTO events (day, n) VALUES ('2025-04-01', 2)"],
  },
  {
    rule: 'detach-partition',
    engines: ['postgresql'],
    what: 'a partition added',
    schema: `CREATE TABLE events (day date NOT NULL, n int) PARTITION BY RANGE (day);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO events VALUES ('2025-03-01', 1);`,
    migration:
      "CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');",
    finds: 'safe',
    reads: ['SELECT n FROM events'],
    writes: ["INSERT INTO events (day, n) VALUES ('2025-04-01', 2)"],
  },
  {
    rule: 'drop-view',
    engines: ALL,
    what: 'a view dropped',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, n int);\nCREATE VIEW recent AS SELECT id, n FROM t;',
    migration: 'DROP VIEW recent;',
    finds: 'reads-fail',
    reads: ['SELECT id, n FROM recent'],
    writes: [],
  },
  {
    rule: 'drop-view',
    engines: ALL,
    what: 'a view dropped and made again as it was',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, n int);\nCREATE VIEW recent AS SELECT id, n FROM t;',
    migration: 'DROP VIEW recent;\nCREATE VIEW recent AS SELECT id, n FROM t;',
    finds: 'safe',
    reads: ['SELECT id, n FROM recent'],
    writes: [],
  },
  {
    rule: 'change-view',
    engines: ALL,
    what: 'a view without a column that it had',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, n int);\nCREATE VIEW recent AS SELECT id, n FROM t;',
    migration: 'DROP VIEW recent;\nCREATE VIEW recent AS SELECT id FROM t;',
    finds: 'reads-fail',
    reads: ['SELECT id, n FROM recent'],
    writes: [],
  },
  {
    rule: 'change-view',
    engines: ALL,
    what: 'a view that reads its columns from elsewhere',
    schema:
      'CREATE TABLE t (id int PRIMARY KEY, n int);\nINSERT INTO t VALUES (1, 1);\nCREATE VIEW recent AS SELECT id, n FROM t;',
    migration: 'DROP VIEW recent;\nCREATE VIEW recent AS SELECT id, n FROM t WHERE n > 0;',
    finds: 'conditional',
    reads: ['SELECT id, n FROM recent'],
    writes: [],
    met: { writes: ['INSERT INTO t (id, n) VALUES (2, 0)'] },
  },
  {
    rule: 'change-view',
    engines: ALL,
    what: 'a view of the migration itself',
    schema: 'CREATE TABLE t (id int PRIMARY KEY, n int);\nCREATE VIEW recent AS SELECT id, n FROM t;',
    migration: [
      'CREATE VIEW latest AS SELECT id, n FROM t;',
      'DROP VIEW latest;\nCREATE VIEW latest AS SELECT id FROM t;',
    ],
    finds: 'safe',
    reads: ['SELECT id, n FROM recent'],
    writes: [],
  },
];
