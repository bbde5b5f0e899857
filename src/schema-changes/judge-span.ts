import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import type { UnreadStatement } from './combine.ts';
import { combine } from './combine.ts';
import { compare } from './compare.ts';
import type { Catalogs } from './compare-catalogs.ts';
import { compareCatalogs } from './compare-catalogs.ts';
import type { ReadStatement } from './dialect.ts';
import { engineOf } from './engines.ts';
import { apply } from './fold.ts';
import type { Fold } from './fold-state.ts';
import { begin, newFold } from './fold-state.ts';
import { readMigration } from './read-migration.ts';
import { type Commented, suppress } from './suppressions.ts';
import type { Place, SchemaVerdict } from './verdict.ts';

export interface Span {
  /** What the old code was shipped with: its schema. */
  before: readonly Migration[];
  /** What was applied since, in order. */
  migrations: readonly Migration[];
}

/**
 * Judges whether the code that was shipped with `before` can run on the schema after `migrations`. Statements are
 * folded over a small catalog in order, and the net effect is judged. What can't be read is unknown.
 * @param catalogs Where they are given, what they show is judged too, and both verdicts are put together.
 */
export async function judgeSpan(
  span: Span,
  name: DatabaseFacts['engine'],
  catalogs?: Catalogs,
): Promise<SchemaVerdict> {
  const engine = await engineOf(name);
  const fold = newFold(engine.dialect);
  for (const migration of span.before) foldStatements(fold, migration, readMigration(migration, engine));
  begin(fold);
  const unread: UnreadStatement[] = [];
  const said = span.migrations.flatMap((migration) => {
    const statements = readMigration(migration, engine);
    foldStatements(fold, migration, statements);
    for (const statement of statements)
      if (statement.operations.some(({ op }) => op === 'unknown'))
        unread.push({ place: placeOf(migration, statement), text: statement.text });
    return commented(migration, statements);
  });
  const order = new Map(span.migrations.map((migration, index) => [migration.file, index]));
  const found = compare(fold);
  const findings = suppress(catalogs ? combine(found, compareCatalogs(catalogs, fold), unread) : found, said);
  // What stands in no file comes last.
  const placed = ({ file }: Place) => order.get(file) ?? order.size;
  findings.sort((a, b) => placed(a) - placed(b) || a.line - b.line);
  return { findings };
}

/** Follows statements in order. */
export function foldStatements(fold: Fold, migration: Migration, statements: ReadStatement[]): void {
  if (migration.opaque !== undefined) {
    const place = placeOf(migration, { text: '', line: 1 });
    fold.unknown.push({ why: migration.opaque, rule: 'opaque-code', place });
  }
  for (const statement of statements) {
    const place = placeOf(migration, statement);
    for (const operation of statement.operations) apply(fold, operation, place);
  }
}

/** Statements with their comments, where suppressions stand. */
export function commented(migration: Migration, statements: ReadStatement[]): Commented[] {
  return statements.map((statement) => ({
    comments: statement.comments,
    place: placeOf(migration, statement),
  }));
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
