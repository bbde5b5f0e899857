import type { DatabaseFacts } from '../model/facts.ts';
import type { Migration } from '../model/release.ts';
import { bridgeColumn, bridgeRename, bridgeRequired, bridgeTable, type Piece } from './bridge-sql.ts';
import type { Catalog, CatalogTable } from './catalog.ts';
import { columnByRoot, isSame } from './catalog.ts';
import { engineOf } from './engines.ts';
import { begin, newFold } from './fold-state.ts';
import { foldStatements, judgeSpan, type Span } from './judge-span.ts';
import type { SchemaFinding } from './verdict.ts';
import { stopsOldCode } from './verdict.ts';

/** A migration that brings the view of the old code back beside that of the new one. */
export interface Bridge {
  /** SQL statements, in order; empty where nothing is in the way, or nothing is known to help. */
  up: string[];
  /** Those that take it back. */
  down: string[];
  /** What the old code still can't work with once it is applied. */
  remaining: SchemaFinding[];
}

type Engine = DatabaseFacts['engine'];

/**
 * Proposes a bridge over a span, one piece for each thing that the old code misses. What the pieces do is judged like any
 * other migration; what is said to be remaining, they do not mend. Pure.
 */
export async function proposeBridge(span: Span, engine: Engine): Promise<Bridge> {
  const { dialect, read } = await engineOf(engine);
  const fold = newFold(dialect);
  for (const migration of span.before) foldStatements(fold, migration, read(migration.up));
  begin(fold);
  for (const migration of span.migrations) foldStatements(fold, migration, read(migration.up));
  const stopping = (await judgeSpan(span, engine)).findings.filter(stopsOldCode);
  const inTheWay = new Set(stopping.map(({ rule }) => rule));
  const pieces = inTheWay.size === 0 ? [] : piecesOf(fold.before as Catalog, fold.now, span, engine);
  const up = pieces.flatMap((piece) => piece.up);
  const bridge: Migration = {
    version: 'bridge',
    name: 'bridge',
    file: 'bridge',
    up: up.join(';\n'),
    down: undefined,
  };
  const after = await judgeSpan({ ...span, migrations: [...span.migrations, bridge] }, engine);
  return {
    up,
    down: [...pieces].reverse().flatMap((piece) => piece.down),
    remaining: after.findings.filter(stopsOldCode),
  };
}

function piecesOf(before: Catalog, now: Catalog, span: Span, engine: Engine): Piece[] {
  const pieces: Piece[] = [];
  for (const old of before.tables.values()) {
    const same = [...now.tables.values()].find((table) => isSame(table, old));
    if (!now.tables.has(old.name)) {
      if (!now.views.has(old.name)) pieces.push(...bridgeTable(old, same, engine));
      continue;
    }
    if (same?.name === old.name) pieces.push(...columnPieces(old, same, span, engine));
  }
  return pieces;
}

function columnPieces(old: CatalogTable, now: CatalogTable, span: Span, engine: Engine): Piece[] {
  const pieces: Piece[] = [];
  for (const column of old.columns.values()) {
    const current = now.columns.get(column.name);
    const moved = columnByRoot(now, column.root);
    if (!current && moved) pieces.push(...bridgeRename(old.name, column, moved, engine));
    else if (!current) pieces.push(bridgeColumn(old.name, column));
    else if (
      current.root === column.root &&
      current.notNull &&
      !current.filled &&
      (column.filled || !column.notNull)
    )
      pieces.push(
        ...bridgeRequired(
          old.name,
          current,
          column.filled ? defaultIn(span, old.name, column.name) : null,
          engine,
        ),
      );
  }
  const known = new Set([...old.columns.values()].map(({ root }) => root));
  for (const column of now.columns.values()) {
    if (known.has(column.root) || old.columns.has(column.name) || !column.place) continue;
    if (column.notNull && !column.filled) pieces.push(...bridgeRequired(old.name, column, undefined, engine));
  }
  return pieces;
}

/** The last default that the old migrations write for a column; a guess, which the judgement of the bridge confirms. */
function defaultIn({ before }: Span, table: string, column: string): string | undefined {
  const bare = escaped(table.split('.').at(-1) as string);
  const about = new RegExp(`["\`]?\\b${bare}\\b["\`]?`, 'i');
  const value = `('(?:[^']|'')*'|-?[\\w.]+(?:\\([^()]*\\))?|\\([^()]*\\))`;
  const given = new RegExp(`["\`]?\\b${escaped(column)}\\b["\`]?[^,;]*?\\bDEFAULT\\s+${value}`, 'gi');
  const statements = before.flatMap(({ up }) => up.split(';')).filter((text) => about.test(text));
  return statements.flatMap((text) => [...text.matchAll(given)].map((match) => match[1])).at(-1);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
