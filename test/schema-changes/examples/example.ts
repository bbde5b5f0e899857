import type { RuleId } from '../../../src/schema-changes/rules.ts';
import type { Verdict } from '../../../src/schema-changes/verdict.ts';
import type { EngineName } from '../servers.ts';

/** A migration, what is said of it, and old code that shows on a real database whether that is so. Tests and pages use it. */
export interface Example {
  rule: RuleId;
  engines: EngineName[];
  /** Goes on after "Example: ". */
  what: string;
  /** The schema that the old code was shipped with, and its rows. */
  schema?: string;
  /** What is there besides, and no migration made. */
  handmade?: string;
  /** The migration, or several in order. */
  migration: string | string[];
  /** Of the rule; `safe`: nothing but safe findings. */
  finds: Verdict;
  /** Other rules that say something of it too. */
  also?: RuleId[];
  reads?: string[];
  writes?: string[];
  /** Of a conditional verdict: what makes its condition come true; without it nothing fails. */
  met?: { condition?: string; reads?: string[]; writes?: string[] };
}

export const ALL: EngineName[] = ['postgresql', 'mysql', 'sqlite'];
export const SERVERS: EngineName[] = ['postgresql', 'mysql'];

/** The schema of most examples. */
export const SHOP = `CREATE TABLE orders (
  id int PRIMARY KEY,
  email varchar(50),
  total int NOT NULL DEFAULT 0,
  note varchar(100) NOT NULL
);
INSERT INTO orders VALUES (1, 'a@x', 7, 'n1'), (2, 'b@x', 30, 'n2');`;

/** The old code of most examples: an ORM's statements, which name every column. */
export const READS = [
  'SELECT id, email, total, note FROM orders ORDER BY id',
  'SELECT id FROM orders WHERE total > 5 ORDER BY id',
];
export const WRITES = [
  "INSERT INTO orders (id, email, total, note) VALUES (3, 'c@x', 5, 'n3')",
  "INSERT INTO orders (id, note) VALUES (4, 'n4')",
  "UPDATE orders SET total = 9, note = 'n5' WHERE id = 2",
  'DELETE FROM orders WHERE id = 1',
];
