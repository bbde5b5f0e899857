import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import type { Loss } from '../model/reversal.ts';
import type { CatalogTable } from './catalog.ts';
import { columnByRoot, isSame } from './catalog.ts';
import { compare } from './compare.ts';
import { engineOf } from './engines.ts';
import type { Fold } from './fold-state.ts';
import { begin, layer, newFold } from './fold-state.ts';
import { commented, foldStatements, type Span } from './judge-span.ts';
import { readMigration } from './read-migration.ts';
import type { RuleId } from './rules.ts';
import { type Commented, suppress } from './suppressions.ts';
import type { Place, SchemaFinding } from './verdict.ts';
import { stopsOldCode } from './verdict.ts';

/** What running the downs of a span means for the code on either side of it. */
export interface DownsVerdict {
  /** What the code that runs now would meet while or after they run, and could not work with. */
  misfits: SchemaFinding[];
  /** What the old code still could not work with after them. */
  remaining: SchemaFinding[];
  /** What the migrations destroyed, and the downs do not bring back. */
  destroyed: SchemaFinding[];
  losses: Loss[];
}

/** Rows change, and statements go on working. */
const OF_ROWS: readonly RuleId[] = ['delete-data', 'update-data', 'replace-data', 'rows-left-out'];

/**
 * Judges the downs of a span, run newest first while the code of the newest release still serves: the roles are swapped, and
 * each state on the way is one that it meets. Pure.
 */
export async function judgeDowns(span: Span, name: DatabaseFacts['engine']): Promise<DownsVerdict> {
  const engine = await engineOf(name);
  const fold = newFold(engine.dialect);
  for (const migration of span.before) foldStatements(fold, migration, readMigration(migration, engine));
  const ups = span.migrations.map((migration) => ({ migration, read: readMigration(migration, engine) }));
  const downs = [...span.migrations]
    .reverse()
    .map((migration) => ({ migration, read: readMigration(migration, engine, 'down') }));
  const said = (all: typeof ups): Commented[] =>
    all.flatMap(({ migration, read }) => commented(migration, read));
  const back = layer(fold);
  for (const { migration, read } of [...ups, ...downs]) foldStatements(back, migration, read);
  const left = suppress(compare(back), said([...ups, ...downs])).filter(stopsOldCode);

  for (const { migration, read } of ups) foldStatements(fold, migration, read);
  begin(fold);
  const met = new Map<string, SchemaFinding>();
  for (const [i, { migration, read }] of downs.entries()) {
    // Where each statement commits by itself, what is between two of them is met, too.
    const parts = engine.untold && read.length > 0 ? read.map((statement) => [statement]) : [read];
    for (const part of parts) {
      foldStatements(fold, migration, part);
      for (const found of suppress(compare(fold), said(downs.slice(0, i + 1)))) met.set(keyOf(found), found);
    }
  }
  const misfits = [...met.values()].filter(
    (found) => stopsOldCode(found) && !(found.verdict === 'data-destroyed' && OF_ROWS.includes(found.rule)),
  );
  return {
    misfits,
    remaining: left.filter(({ verdict }) => verdict !== 'data-destroyed'),
    destroyed: left.filter(({ verdict }) => verdict === 'data-destroyed'),
    losses: lossesOf(fold, span.migrations),
  };
}

function keyOf({ rule, file, line, why }: SchemaFinding): string {
  return `${rule} ${file}:${line} ${why}`;
}

/** What was there before the downs, by its identity, and is not there after them. */
function lossesOf(fold: Fold, migrations: readonly Migration[]): Loss[] {
  const losses: Loss[] = [];
  const lose = (kind: Loss['kind'], table: string, place: Place | undefined, column?: string) => {
    const name = column === undefined ? table : `${table}.${column}`;
    if (losses.some((loss) => loss.name === name)) return;
    const { version, file, line, statement } = place ?? unplaced(migrations);
    const of = column === undefined ? {} : { column };
    losses.push({ name, kind, table, ...of, version, file, line, statement });
  };
  for (const old of fold.before?.tables.values() ?? []) {
    const now = fold.now.tables.byRoot(old.root) ?? copyOf(fold, old);
    if (!now) {
      lose('table', old.name, fold.gone.get(old.root));
      continue;
    }
    for (const column of old.columns.values()) {
      const kept = columnByRoot(now, column.root);
      if (kept && (column.computed || !kept.computed)) continue;
      lose('column', old.name, fold.gone.get(column.root) ?? now.place, column.name);
    }
    if (now.filtered && now.filtered !== old.filtered) lose('rows', old.name, now.filtered);
  }
  for (const { table, place } of fold.rowChanges) lose('rows', table, place);
  return losses;
}

function copyOf(fold: Fold, old: CatalogTable): CatalogTable | undefined {
  return [...fold.now.tables.values()].find((table) => isSame(table, old));
}

function unplaced(migrations: readonly Migration[]): Place {
  const { version = '', file = '' } = migrations.at(-1) ?? {};
  return { version, file, line: 1, statement: '' };
}
