import type { NameKey } from './name-map.ts';
import type { ColumnDefinition, Operation } from './operation.ts';
import type { Verdict } from './verdict.ts';

/** What differs from engine to engine once statements are read. */
export interface Dialect {
  key: NameKey;
  /** What it means for the old code that a column's type is another one. Called where the types differ. */
  compareTypes(old: ColumnDefinition, now: ColumnDefinition, strict: boolean): TypeChange;
  /** Whether a view of a single table can be written as the table itself. */
  updatableViews: boolean;
  /** Whether a view goes on showing what it was made of where that is renamed. */
  viewsFollow: boolean;
  /** Whether the engine has a column of that name in tables that don't declare it. */
  isImplicitColumn(name: string): boolean;
  /** What becomes of an upsert that relied on a unique key that is gone: a clause. */
  lostUpsert(columns: string): string;
}

/** `why` goes on after the column's name and both types. */
export interface TypeChange {
  verdict: Verdict;
  why: string;
  when?: string;
}

/** One statement of a script, and what it does. */
export interface ReadStatement {
  /** Without the closing semicolon, and without comments before it. */
  text: string;
  /** The comments before it, or its whole text: where a suppression may stand. */
  comments: string;
  /** Line of its first word, from 1. */
  line: number;
  operations: Operation[];
}

/** Reads a script: all of its statements, each with what it does. Never throws; what it can't read is `unknown`. Pure. */
export type ScriptReader = (sql: string) => ReadStatement[];

/**
 * What becomes of a statement where migrations are replayed: it is run, it is left out since it says nothing of the schema,
 * or nothing is replayed since it reaches beyond the database: what it reaches, e.g. `other databases`.
 */
export type Confinement = 'run' | 'leave-out' | { reaches: string };

export interface Engine {
  dialect: Dialect;
  read: ScriptReader;
  /** Pure. */
  confine(statement: ReadStatement): Confinement;
  /**
   * Why after a crash nobody could tell whether a statement took effect, in a full sentence; undefined where it can be told.
   * Left out where all of a script can be one transaction. Pure.
   */
  untold?(text: string): string | undefined;
}
