import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import { compare } from './compare.ts';
import { apply } from './fold.ts';
import type { Fold } from './fold-state.ts';
import { begin, newFold } from './fold-state.ts';
import type { StatementParser } from './parse-sqlite.ts';
import { sqliteParser } from './parse-sqlite.ts';
import { splitStatements } from './split-statements.ts';
import type { Place, SchemaVerdict } from './verdict.ts';

export interface Span {
  /** What the old code was shipped with: its schema. */
  before: readonly Migration[];
  /** What was applied since, in order. */
  migrations: readonly Migration[];
}

/** What taking migrations back would do. */
export interface Reversal {
  /** Migrations with no down, or an empty one. */
  missing: Migration[];
  /** Statements of downs that destroy what was written since, or can't be read. */
  lossy: Place[];
}

/**
 * Judges whether the code that was shipped with `before` can run on the schema after `migrations`. Statements are
 * folded over a small catalog in order, and the net effect is judged. What can't be read is unknown.
 */
export async function judgeSpan(span: Span, engine: DatabaseFacts['engine']): Promise<SchemaVerdict> {
  const parser = await parserOf(engine);
  const fold = newFold();
  for (const migration of span.before) read(fold, migration, migration.up, parser);
  begin(fold);
  for (const migration of span.migrations) read(fold, migration, migration.up, parser);
  const order = new Map(span.migrations.map((migration, index) => [migration.file, index]));
  const findings = compare(fold);
  findings.sort((a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line);
  return { findings };
}

/** Judges the downs of migrations: whether they are there, and whether they destroy data. */
export async function judgeReversal(
  migrations: readonly Migration[],
  engine: DatabaseFacts['engine'],
): Promise<Reversal> {
  const parser = await parserOf(engine);
  const lossy: Place[] = [];
  for (const migration of migrations) {
    for (const statement of splitStatements(migration.down ?? '')) {
      const operations = parser(statement.text);
      if (operations.some(({ op }) => LOSSY.has(op))) lossy.push(placeOf(migration, statement));
    }
  }
  return { missing: migrations.filter((migration) => migration.down === undefined), lossy };
}

const LOSSY = new Set(['drop-table', 'drop-column', 'delete', 'update', 'unknown']);

/** Engines whose statements can be read. */
const PARSERS: Partial<Record<DatabaseFacts['engine'], () => Promise<StatementParser>>> = {
  sqlite: sqliteParser,
};

async function parserOf(engine: DatabaseFacts['engine']): Promise<StatementParser> {
  const load = PARSERS[engine];
  if (load) return load();
  return () => [{ op: 'unknown', why: `Statements of ${engine} can't be read.` }];
}

function read(fold: Fold, migration: Migration, sql: string, parser: StatementParser): void {
  for (const statement of splitStatements(sql)) {
    const place = placeOf(migration, statement);
    for (const operation of parser(statement.text)) apply(fold, operation, place);
  }
}

function placeOf(migration: Migration, statement: { text: string; line: number }): Place {
  const text = statement.text.replace(/\s+/g, ' ');
  return {
    version: migration.version,
    file: migration.file,
    line: statement.line,
    statement: text.length > 120 ? `${text.slice(0, 117)}...` : text,
  };
}
