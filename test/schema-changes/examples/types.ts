import type { Example } from './example.ts';

const T = (column: string, values: string) =>
  `CREATE TABLE t (id int PRIMARY KEY, ${column});\nINSERT INTO t VALUES ${values};`;
const READ = ['SELECT id, c FROM t ORDER BY id'];

/** The same change as each engine writes it. */
function changed(
  column: string,
  to: string,
  rest: Omit<Example, 'rule' | 'engines' | 'migration'>,
): Example[] {
  return [
    {
      rule: 'change-type',
      engines: ['postgresql'],
      migration: `ALTER TABLE t ALTER COLUMN ${column} TYPE ${to};`,
      ...rest,
    },
    { rule: 'change-type', engines: ['mysql'], migration: `ALTER TABLE t MODIFY ${column} ${to};`, ...rest },
  ];
}

const MOOD = `CREATE TYPE state AS ENUM ('new', 'paid');\n${T('c state', "(1, 'new')")}`;
const MOOD_COLUMN = T("c ENUM('new','paid')", "(1, 'new')");
const STATE = {
  reads: ["SELECT id, c FROM t WHERE c = 'new' ORDER BY id", ...READ],
  writes: ["INSERT INTO t (id, c) VALUES (2, 'paid')"],
};

export const TYPES: Example[] = [
  ...changed('c', 'varchar(5)', {
    what: 'a shorter text',
    schema: T('c varchar(20)', "(1, 'abc')"),
    finds: 'writes-fail',
    reads: READ,
    writes: ["INSERT INTO t (id, c) VALUES (2, 'longer than five')"],
  }),
  ...changed('c', 'varchar(50)', {
    what: 'a longer text',
    schema: T('c varchar(20)', "(1, 'abc')"),
    finds: 'safe',
    reads: READ,
    writes: ["INSERT INTO t (id, c) VALUES (2, 'twenty characters ok')"],
  }),
  ...changed('c', 'smallint', {
    what: 'a smaller integer',
    schema: T('c int', '(1, 7)'),
    finds: 'writes-fail',
    reads: READ,
    writes: ['INSERT INTO t (id, c) VALUES (2, 100000)'],
  }),
  ...changed('c', 'bigint', {
    what: 'a larger integer',
    schema: T('c int', '(1, 7)'),
    finds: 'conditional',
    reads: ['SELECT id FROM t WHERE c < 10 ORDER BY id'],
    writes: ['INSERT INTO t (id, c) VALUES (2, 100000)'],
    met: {
      condition: 'INSERT INTO t VALUES (3, 5000000000)',
      reads: ['SELECT cast(c AS decimal(10,0)) FROM t', ...READ],
    },
  }),
  ...changed('c', 'numeric(10,0)', {
    what: 'a number that loses its fraction',
    schema: T('c numeric(10,2)', '(1, 7.25)'),
    finds: 'data-destroyed',
    reads: READ,
    writes: ['INSERT INTO t (id, c) VALUES (2, 3.5)'],
  }),
  ...changed('c', 'numeric(6,2)', {
    what: 'a number of fewer digits',
    schema: T('c numeric(10,2)', '(1, 7.25)'),
    finds: 'writes-fail',
    reads: READ,
    writes: ['INSERT INTO t (id, c) VALUES (2, 123456.5)'],
  }),
  ...changed('c', 'numeric(12,2)', {
    what: 'a number of more digits',
    schema: T('c numeric(10,2)', '(1, 7.25)'),
    finds: 'safe',
    reads: READ,
    writes: ['INSERT INTO t (id, c) VALUES (2, 12345678.25)'],
  }),
  {
    rule: 'change-type',
    engines: ['postgresql'],
    what: 'a text that became a number',
    schema: T('c text', "(1, '7')"),
    migration: 'ALTER TABLE t ALTER COLUMN c TYPE int USING c::int;',
    finds: 'reads-fail',
    reads: ["SELECT id FROM t WHERE c = 'x'", ...READ],
    writes: ["INSERT INTO t (id, c) VALUES (2, 'x')"],
  },
  {
    rule: 'change-type',
    engines: ['mysql'],
    what: 'a text that became a number',
    schema: T('c varchar(20)', "(1, '07')"),
    migration: 'ALTER TABLE t MODIFY c int;',
    finds: 'reads-fail',
    reads: READ,
    writes: ["INSERT INTO t (id, c) VALUES (2, 'x')"],
  },
  {
    rule: 'change-type',
    engines: ['postgresql'],
    what: 'a text without a limit',
    schema: T('c varchar(20)', "(1, 'abc')"),
    migration: 'ALTER TABLE t ALTER COLUMN c TYPE text;',
    finds: 'safe',
    reads: READ,
    writes: ["INSERT INTO t (id, c) VALUES (2, 'x')"],
  },
  {
    rule: 'change-type',
    engines: ['postgresql'],
    what: 'a time that became a date',
    schema: T('c timestamp', "(1, '2025-01-01 10:00')"),
    migration: 'ALTER TABLE t ALTER COLUMN c TYPE date;',
    finds: 'data-destroyed',
    reads: ['SELECT id, c::text FROM t'],
    writes: [],
  },
  {
    rule: 'change-type',
    engines: ['postgresql'],
    what: 'a time that got a time zone',
    schema: T('c timestamp', "(1, '2025-01-01 10:00')"),
    migration: 'ALTER TABLE t ALTER COLUMN c TYPE timestamptz;',
    finds: 'conditional',
    reads: ["SELECT id FROM t WHERE c < '2026-01-01'"],
    writes: ["INSERT INTO t (id, c) VALUES (2, '2025-02-01 10:00')"],
    met: { reads: ['SELECT id, c::text FROM t'] },
  },
  {
    rule: 'change-type',
    engines: ['sqlite'],
    what: 'a number that became a text, in a rebuild',
    schema: T('c int', '(1, 7)'),
    migration: `CREATE TABLE t_new (id int PRIMARY KEY, c text);
INSERT INTO t_new SELECT id, c FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;`,
    finds: 'reads-fail',
    reads: ['SELECT id FROM t WHERE c + 0 > 5', ...READ],
    writes: [],
  },
  {
    rule: 'change-type',
    engines: ['sqlite'],
    what: 'an integer of another name, in a rebuild',
    schema: T('c int', '(1, 7)'),
    migration: `CREATE TABLE t_new (id int PRIMARY KEY, c bigint);
INSERT INTO t_new SELECT id, c FROM t;
DROP TABLE t;
ALTER TABLE t_new RENAME TO t;`,
    finds: 'safe',
    reads: READ,
    writes: ['INSERT INTO t (id, c) VALUES (2, 100000)'],
  },
  {
    rule: 'add-enum-value',
    engines: ['postgresql'],
    what: 'a value added',
    schema: MOOD,
    migration: "ALTER TYPE state ADD VALUE 'void';",
    finds: 'conditional',
    ...STATE,
    met: { condition: "INSERT INTO t VALUES (3, 'void')" },
  },
  {
    rule: 'add-enum-value',
    engines: ['mysql'],
    what: 'a value added',
    schema: MOOD_COLUMN,
    migration: "ALTER TABLE t MODIFY c ENUM('new','paid','void');",
    finds: 'conditional',
    ...STATE,
    met: { condition: "INSERT INTO t VALUES (3, 'void')" },
  },
  {
    rule: 'add-enum-value',
    engines: ['postgresql'],
    what: 'a value added to a new type',
    migration: ["CREATE TYPE kind AS ENUM ('a');", "ALTER TYPE kind ADD VALUE 'b';"],
    finds: 'safe',
  },
  {
    rule: 'add-enum-value',
    engines: ['mysql'],
    what: 'an enumeration with the same values',
    schema: MOOD_COLUMN,
    migration: "ALTER TABLE t MODIFY c ENUM('new','paid') COMMENT 'of an order';",
    finds: 'safe',
    ...STATE,
  },
  {
    rule: 'remove-enum-value',
    engines: ['postgresql'],
    what: 'a value removed, by a type made anew',
    schema: MOOD,
    migration: `CREATE TYPE state_new AS ENUM ('new');
ALTER TABLE t ALTER COLUMN c TYPE state_new USING c::text::state_new;
DROP TYPE state;
ALTER TYPE state_new RENAME TO state;`,
    finds: 'writes-fail',
    ...STATE,
  },
  {
    rule: 'remove-enum-value',
    engines: ['mysql'],
    what: 'a value removed',
    schema: MOOD_COLUMN,
    migration: "ALTER TABLE t MODIFY c ENUM('new');",
    finds: 'writes-fail',
    ...STATE,
  },
  {
    rule: 'remove-enum-value',
    engines: ['postgresql'],
    what: 'a type made anew with the same values',
    schema: MOOD,
    migration: `CREATE TYPE state_new AS ENUM ('new', 'paid');
ALTER TABLE t ALTER COLUMN c TYPE state_new USING c::text::state_new;
DROP TYPE state;
ALTER TYPE state_new RENAME TO state;`,
    finds: 'safe',
    ...STATE,
  },
  {
    rule: 'remove-enum-value',
    engines: ['mysql'],
    what: 'a value added and removed again',
    schema: MOOD_COLUMN,
    migration: [
      "ALTER TABLE t MODIFY c ENUM('new','paid','void');",
      "ALTER TABLE t MODIFY c ENUM('new','paid');",
    ],
    finds: 'safe',
    ...STATE,
  },
  {
    rule: 'rename-enum-value',
    engines: ['postgresql'],
    what: 'a value renamed',
    schema: MOOD,
    migration: "ALTER TYPE state RENAME VALUE 'new' TO 'open';",
    finds: 'reads-fail',
    ...STATE,
  },
  {
    rule: 'rename-enum-value',
    engines: ['postgresql'],
    what: 'a value renamed and renamed back',
    schema: MOOD,
    migration: [
      "ALTER TYPE state RENAME VALUE 'new' TO 'open';",
      "ALTER TYPE state RENAME VALUE 'open' TO 'new';",
    ],
    finds: 'safe',
    ...STATE,
  },
  {
    rule: 'change-collation',
    engines: ['mysql'],
    what: 'a table converted to a character set that compares in another way',
    schema:
      "CREATE TABLE t (id int PRIMARY KEY, c varchar(20)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;\nINSERT INTO t VALUES (1, 'abc');",
    migration: 'ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;',
    finds: 'conditional',
    reads: READ,
    writes: ["INSERT INTO t (id, c) VALUES (2, 'x')"],
    met: { reads: ["SELECT id FROM t WHERE c = 'ABC'"] },
  },
  {
    rule: 'change-collation',
    engines: ['mysql'],
    what: 'a column of the same character set',
    schema: T('c varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci', "(1, 'abc')"),
    migration: 'ALTER TABLE t MODIFY c varchar(30) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;',
    finds: 'safe',
    reads: ["SELECT id FROM t WHERE c = 'ABC'"],
    writes: ["INSERT INTO t (id, c) VALUES (2, 'x')"],
  },
];
