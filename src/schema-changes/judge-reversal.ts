import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import { compare } from './compare.ts';
import type { ReadStatement } from './dialect.ts';
import { engineOf } from './engines.ts';
import type { Fold } from './fold-state.ts';
import { layer, newFold } from './fold-state.ts';
import { foldStatements } from './judge-span.ts';
import { readMigration } from './read-migration.ts';
import type { Place, SchemaFinding } from './verdict.ts';

/**
 * What taking a migration back does. `lossless`: the old code can run, and nothing is lost. `lossy`: what was written
 * since, or what the migration destroyed, is not there. `impossible`: there is no down, it does nothing, or the old
 * code can't run after it. `unknown`: it can't be told.
 */
export type ReversalVerdict = 'lossless' | 'lossy' | 'impossible' | 'unknown';

/** What taking migrations back would do. */
export interface Reversal {
  /** Migrations with no down, or an empty one. */
  missing: Migration[];
  /** Statements of downs that destroy what was written since, or can't be read. */
  lossy: Place[];
  /** Each migration's, in the order given. */
  verdicts: ReversalVerdict[];
}

/** Judges the downs of migrations that were applied in this order on the schema of `before`. */
export async function judgeReversal(
  migrations: readonly Migration[],
  name: DatabaseFacts['engine'],
  before: readonly Migration[] = [],
): Promise<Reversal> {
  const engine = await engineOf(name);
  const shipped = newFold(engine.dialect);
  for (const migration of before) foldStatements(shipped, migration, readMigration(migration, engine));
  const downs = migrations.map((migration) =>
    judgeBothWays(
      migration,
      readMigration(migration, engine),
      readMigration(migration, engine, 'down'),
      shipped,
    ),
  );
  return {
    missing: migrations.filter((_, i) => downs[i]?.acts === false),
    lossy: downs.flatMap(({ lossy }) => lossy),
    verdicts: downs.map(({ verdict }) => verdict),
  };
}

/** A migration and its down, each judged for the code that is there before it; `fold` goes on with the migration. */
export function judgeBothWays(
  migration: Migration,
  up: ReadStatement[],
  down: ReadStatement[],
  fold: Fold,
): { there: SchemaFinding[]; lossy: Place[]; acts: boolean; verdict: ReversalVerdict } {
  const both = layer(fold);
  foldStatements(both, migration, up);
  const there = compare(both);
  foldStatements(both, migration, down);
  const back = compare(both);
  foldStatements(fold, migration, up);
  const current = layer(fold);
  foldStatements(current, migration, down);
  const destroys = compare(current).filter(
    ({ verdict }) => verdict === 'data-destroyed' || verdict === 'unknown',
  );
  const lossy: Place[] = destroys.map(({ version, file, line, statement }) => ({
    version,
    file,
    line,
    statement,
  }));
  const acts = down.some(({ operations }) =>
    operations.some(({ op }) => op !== 'nothing' && op !== 'search-path'),
  );
  return { there, acts, lossy, verdict: verdictOf(there, back, destroys, acts) };
}

function verdictOf(
  there: SchemaFinding[],
  back: SchemaFinding[],
  destroys: SchemaFinding[],
  acts: boolean,
): ReversalVerdict {
  if (!acts) return there.length === 0 ? 'lossless' : 'impossible';
  if ([...there, ...destroys].some(({ verdict }) => verdict === 'unknown')) return 'unknown';
  if (back.some(({ verdict }) => verdict === 'reads-fail' || verdict === 'writes-fail')) return 'impossible';
  const lost = destroys.length > 0 || back.some(({ verdict }) => verdict === 'data-destroyed');
  return lost ? 'lossy' : 'lossless';
}
