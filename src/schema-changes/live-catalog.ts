import type { DatabaseFacts } from '../model/facts.ts';
import type { Catalog } from './catalog.ts';
import { engineOf } from './engines.ts';
import { apply } from './fold.ts';
import { newFold } from './fold-state.ts';
import { NameMap } from './name-map.ts';
import type { Operation } from './operation.ts';
import type { Place } from './verdict.ts';

/** One thing of a live database, as the server itself writes how it is made. */
export interface Definition {
  /** E.g. `table`, `index`, `trigger`, `policy`. */
  kind: string;
  /** Without the schema where that is the default one. */
  name: string;
  /** The statement that makes it, in the engine's SQL. */
  sql: string;
  /** What it does, where the statement need not be read. */
  operation?: Operation;
}

/** The schema of a live database. */
export interface LiveCatalog {
  engine: DatabaseFacts['engine'];
  catalog: Catalog;
  /**
   * What the catalog knows by name alone, or not at all: the text of each trigger, rule, policy and routine, by kind and
   * name, e.g. `trigger stamp on orders`.
   */
  texts: NameMap<Pick<Definition, 'kind' | 'name' | 'sql'>>;
  /** Definitions that could not be read, each with the reason, in sentences: what they are about is not in the catalog. */
  unread: string[];
}

/** Kinds that the catalog holds in full. */
const HELD: ReadonlySet<string> = new Set([
  'schema',
  'table',
  'column',
  'constraint',
  'index',
  'type',
  'domain',
  'sequence',
]);

/** Reads definitions in an order in which each is made after what it needs. Pure. */
export async function liveCatalog(
  engine: DatabaseFacts['engine'],
  definitions: readonly Definition[],
): Promise<LiveCatalog> {
  const { dialect, read } = await engineOf(engine);
  const fold = newFold(dialect);
  const texts: LiveCatalog['texts'] = new NameMap(dialect.key);
  for (const definition of definitions) {
    const { kind, name, sql, operation } = definition;
    const place = placeOf(definition);
    const operations = operation ? [operation] : read(sql).flatMap((statement) => statement.operations);
    for (const each of operations) apply(fold, each, place);
    if (!HELD.has(kind)) texts.set(`${kind} ${name}`, { kind, name, sql });
  }
  const unread = fold.unknown.map(({ why, place }) => `${place.statement} can't be read. ${why}`);
  return { engine, catalog: fold.now, texts, unread };
}

/** Where something of a live database is said to stand: no file has it. */
export function placeOf({ kind, name }: Pick<Definition, 'kind' | 'name'>): Place {
  return { version: '', file: 'live schema', line: 0, statement: `${kind} ${name}` };
}
