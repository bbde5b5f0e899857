import type { Engine } from './dialect.ts';
import { withParameters } from './sqlc.ts';

/** A statement that the old code is known to run. */
export interface OldQuery {
  file: string;
  /** From 1, in the file. */
  line: number;
  /** As sqlc names it, e.g. `GetOrder`, or the model that it is of; undefined where nothing does. */
  name: string | undefined;
  text: string;
  /** Whether it changes rows. */
  writes: boolean;
  inserts: readonly Insert[];
  enumerations: readonly Enumeration[];
}

/** What an INSERT gives the columns of a table; one that names no columns is none. */
export interface Insert {
  table: string;
  /** Columns that it gives a value. */
  named: readonly string[];
  /** Columns that it may leave out. */
  optional: readonly string[];
  /** Columns that it leaves to the database, which fills them alone: the code may give them values all the same. */
  left: readonly string[];
}

/** Values that the old code writes and knows, of a type or of a column that declares them. */
export interface Enumeration {
  values: readonly string[];
  of: { type: string } | { table: string; column: string };
}

/** What becomes of a statement on the live schema; `once`: it fails where `when` says. */
export type Outcome =
  | { fails: false }
  | { fails: true | 'unknown'; error: string }
  | { fails: 'once'; error: string; when: string };

const READS = /^\s*(?:select|with|values|table)\b/i;
const WRITES = /^\s*(?:insert|update|delete|replace|merge)\b/i;
const INSIDE_WITH = /\b(?:insert\s+into|update\s+[\w."`]+\s+set|delete\s+from|merge\s+into)\b/i;
/** What is missing is then no error. */
const IGNORES = /^\s*insert\s+(?:\w+\s+)?ignore\b/i;

/**
 * The statements of a file of SQL that read or change rows, as sqlc keeps them: parameters by name (`@id`, `sqlc.arg(id)`)
 * become the engine's own. What else is in the file is left out. Pure.
 */
export function queriesOf(file: string, sql: string, engine: Engine, placeholder: '$' | '?'): OldQuery[] {
  return engine.read(sql).flatMap(({ text, comments, line, operations }): OldQuery[] => {
    const bare = text.replace(/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/, '');
    if (!READS.test(bare) && !WRITES.test(bare)) return [];
    const name = [...comments.matchAll(/^\s*(?:--|#|\/\*)\s*name:\s*(\w+)/gm)].at(-1)?.[1];
    const writes = WRITES.test(bare) || (/^\s*with\b/i.test(bare) && INSIDE_WITH.test(bare));
    const inserts = operations.flatMap((each): Insert[] =>
      each.op === 'insert' && each.columns && !IGNORES.test(bare)
        ? [{ table: each.table, named: each.columns, optional: [], left: [] }]
        : [],
    );
    return [{ file, line, name, text: withParameters(text, placeholder), writes, inserts, enumerations: [] }];
  });
}
