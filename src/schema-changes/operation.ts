import type { RuleId } from './rules.ts';
import type { Verdict } from './verdict.ts';

/** What statements do to a schema and its rows, in words that every engine shares. Names are as written. */
export type Operation =
  | { op: 'create-table'; table: TableDefinition; ifNotExists: boolean; rows: Copy | undefined }
  /** With the columns and keys of another table. */
  | { op: 'copy-table'; name: string; like: string; ifNotExists: boolean }
  | { op: 'drop-table'; name: string; ifExists: boolean }
  /** It stays in its schema, but where it `moves`: `to` then says which. */
  | { op: 'rename-table'; name: string; to: string; moves: boolean }
  | {
      op: 'add-column';
      table: string;
      column: ColumnDefinition;
      constraints: Constraint[];
      ifNotExists: boolean;
    }
  | { op: 'drop-column'; table: string; column: string; ifExists: boolean }
  | { op: 'rename-column'; table: string; column: string; to: string }
  /** `computed`: its values were made anew by an expression. */
  | { op: 'alter-column'; table: string; column: string; change: ColumnChange; computed: boolean }
  | { op: 'add-constraint'; table: string; constraint: Constraint }
  /** An index that is not unique is kept too, to know it when it is dropped. `table` undefined: names are the schema's. */
  | { op: 'create-index'; table: string; constraint: Constraint; ifNotExists: boolean }
  | { op: 'drop-constraint'; table: string | undefined; name: string; what: string; ifExists: boolean }
  | { op: 'rename-constraint'; table: string | undefined; name: string; to: string }
  /** `columns` undefined: they can't be told from the text. */
  | {
      op: 'create-view';
      name: string;
      columns: string[] | undefined;
      text: string;
      /** What it takes from a single table. */
      rows: Copy | undefined;
    }
  | { op: 'drop-view'; name: string; ifExists: boolean }
  | { op: 'create-trigger'; name: string; table: string }
  | { op: 'drop-trigger'; name: string }
  /** Functions, sequences, types and the like: things that old statements may name. */
  | {
      op: 'create-object';
      kind: ObjectKind;
      name: string;
      text: string;
      labels?: string[];
      replaces: boolean;
    }
  | { op: 'drop-object'; kind: ObjectKind; name: string; ifExists: boolean }
  | { op: 'rename-object'; kind: ObjectKind; name: string; to: string }
  | { op: 'add-label'; type: string; label: string }
  | { op: 'rename-label'; type: string; label: string; to: string }
  /** Where names without a schema are looked for, first to last; '' is the default one. */
  | { op: 'search-path'; schemas: string[] }
  | { op: 'rename-schema'; name: string; to: string }
  | { op: 'drop-schema'; name: string }
  /** `columns`: those that it names; undefined where it names none. `replaces`: rows that are there may be overwritten. */
  | { op: 'insert'; table: string; columns: string[] | undefined; replaces: boolean; rows: Copy | undefined }
  | { op: 'update'; table: string; columns: string[] }
  | { op: 'delete'; table: string }
  /** Something to say where the old code knows the table, or whatever it is about where none is named. */
  | {
      op: 'concern';
      table: string | undefined;
      rule: RuleId;
      verdict: Verdict;
      why: string;
      fix: string;
      when?: string;
    }
  /** Changes neither schema nor rows. */
  | { op: 'nothing' }
  | { op: 'unknown'; why: string; rule?: RuleId };

export type ObjectKind = 'function' | 'trigger-function' | 'sequence' | 'type' | 'domain' | 'schema';

export interface TableDefinition {
  name: string;
  /** undefined where they can't be told, e.g. of a virtual table. */
  columns: ColumnDefinition[] | undefined;
  constraints: Constraint[];
  /** Whether the engine refuses values of another type. */
  strict: boolean;
}

export interface ColumnDefinition {
  name: string;
  /** As declared, for people. */
  type: string;
  /** Types of one family hold the same values without changing them. */
  family: string;
  /** Length, or precision and scale, where declared. */
  size?: number[];
  /** Values of an enumeration. */
  labels?: string[];
  /** Character set and collation, where declared. */
  collation?: string;
  notNull: boolean;
  /** Whether an INSERT that leaves it out gets a value: a default, an identity, a generated value. */
  filled: boolean;
  /** The default in a comparable form. */
  default?: string;
  /** Whether writes may not give it a value. */
  generated: boolean;
}

/** What is set anew; what is not named stays. */
export type ColumnChange = Partial<Omit<ColumnDefinition, 'name'>>;

export interface Constraint {
  kind: 'primary-key' | 'unique' | 'exclusion' | 'check' | 'foreign-key' | 'index';
  name?: string;
  /** The columns it is on, in order; empty where it is on expressions. */
  columns: string[];
  /** All else, in a form that is equal for equal constraints: a predicate, an expression, what is referred to. */
  on: string;
  /** Of a foreign key: the table referred to, where its rows can't be deleted while they are referred to. */
  restricts?: string;
}

/** Rows taken from a query. */
export interface Copy {
  /** The only table that they come from; undefined where there are none or several. */
  from: string | undefined;
  /** Whether every row of it is taken, once. */
  whole: boolean;
  /** The columns written, in order; undefined for all. */
  to: string[] | undefined;
  values: CopiedValue[];
}

/**
 * `all`: every column of the table. `same`: unchanged. `filled`: NULLs replaced, the rest unchanged. `computed`:
 * anything else.
 */
export type CopiedValue =
  | { kind: 'all' }
  | { kind: 'same' | 'filled'; column: string; as: string }
  | { kind: 'computed'; as: string | undefined };
