/** What statements do to a schema and its rows, in words that every engine shares. Names are as written. */
export type Operation =
  | { op: 'create-table'; table: TableDefinition; ifNotExists: boolean; rows: Copy | undefined }
  | { op: 'drop-table'; name: string }
  | { op: 'rename-table'; name: string; to: string }
  | { op: 'add-column'; table: string; column: ColumnDefinition; constraints: Constraint[] }
  | { op: 'drop-column'; table: string; column: string }
  | { op: 'rename-column'; table: string; column: string; to: string }
  | { op: 'create-index'; name: string; table: string; unique: string | undefined; ifNotExists: boolean }
  | { op: 'drop-index'; name: string }
  /** `columns` undefined: they can't be told from the text. */
  | { op: 'create-view'; name: string; columns: string[] | undefined; text: string }
  | { op: 'drop-view'; name: string }
  | { op: 'create-trigger'; name: string; table: string }
  | { op: 'drop-trigger'; name: string }
  /** `replaces`: rows that are there may be overwritten. */
  | { op: 'insert'; table: string; replaces: boolean; rows: Copy | undefined }
  | { op: 'update'; table: string; columns: string[] }
  | { op: 'delete'; table: string }
  /** Changes neither schema nor rows. */
  | { op: 'nothing' }
  | { op: 'unknown'; why: string };

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
  notNull: boolean;
  /** Whether an INSERT that leaves it out gets a value: a default, an identity, a generated value. */
  filled: boolean;
  generated: boolean;
}

/** `on` says what it is about in a way that is equal for equal constraints. */
export interface Constraint {
  kind: 'primary-key' | 'unique' | 'check' | 'foreign-key';
  on: string;
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
