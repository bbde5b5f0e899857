import type { DatabaseFacts } from '../model/facts.ts';
import { compare } from './compare.ts';
import { engineOf } from './engines.ts';
import { begin, newFold } from './fold-state.ts';
import { commented, foldStatements, type Span } from './judge-span.ts';
import { suppress } from './suppressions.ts';
import type { SchemaVerdict } from './verdict.ts';

/**
 * Judges each migration for itself: whether the code that knows the schema right before it can run on the schema right
 * after. One pass over all of them.
 */
export async function judgeEach(span: Span, name: DatabaseFacts['engine']): Promise<SchemaVerdict> {
  const engine = await engineOf(name);
  const fold = newFold(engine.dialect);
  for (const migration of span.before) foldStatements(fold, migration, engine.read(migration.up));
  let unread = fold.unknown.length > 0;
  const findings = span.migrations.flatMap((migration) => {
    const statements = engine.read(migration.up);
    begin(fold);
    fold.complete &&= !unread;
    foldStatements(fold, migration, statements);
    unread ||= fold.unknown.length > 0;
    return suppress(compare(fold), commented(migration, statements)).sort((a, b) => a.line - b.line);
  });
  return { findings };
}
