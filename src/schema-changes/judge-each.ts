import type { DatabaseFacts } from '../model/facts.ts';
import { engineOf } from './engines.ts';
import { newFold } from './fold-state.ts';
import { judgeBothWays, type ReversalVerdict } from './judge-reversal.ts';
import { commented, foldStatements, type Span } from './judge-span.ts';
import { readMigration } from './read-migration.ts';
import { suppress } from './suppressions.ts';
import type { SchemaVerdict } from './verdict.ts';

/** Each migration for itself. */
export interface EachVerdict extends SchemaVerdict {
  /** What taking it back does, in the order given. */
  reversals: ReversalVerdict[];
}

/**
 * Judges each migration for itself: whether the code that knows the schema right before it can run on the schema right
 * after, and what its down does. One pass over all of them.
 */
export async function judgeEach(span: Span, name: DatabaseFacts['engine']): Promise<EachVerdict> {
  const engine = await engineOf(name);
  const fold = newFold(engine.dialect);
  for (const migration of span.before) foldStatements(fold, migration, readMigration(migration, engine));
  const judged = span.migrations.map((migration) => {
    const up = engine.read(migration.up);
    const { there, verdict } = judgeBothWays(migration, up, engine.read(migration.down ?? ''), fold);
    const findings = suppress(there, commented(migration, up)).sort((a, b) => a.line - b.line);
    return { findings, verdict };
  });
  return {
    findings: judged.flatMap(({ findings }) => findings),
    reversals: judged.map(({ verdict }) => verdict),
  };
}
