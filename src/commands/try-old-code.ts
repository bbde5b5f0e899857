import type { Database } from '../adapters/database/database.ts';
import type { TriedQuery } from '../checks/queries.ts';
import { RollbackError } from '../model/error.ts';
import type { Engine } from '../model/migration-formats.ts';
import type { Catalog } from '../schema-changes/catalog.ts';
import { judgeNeeds } from '../schema-changes/insert-needs.ts';
import { type OldCode, queriesOfModels } from '../schema-changes/old-models.ts';
import type { OldQuery, Outcome } from '../schema-changes/old-queries.ts';

/**
 * Has the live database read the old code's statements against its schema, and compares what they give with what its
 * columns need; none is run. Where its schema can't be read, what needs that is unknown.
 */
export async function tryOldCode(
  database: Database,
  code: OldCode,
  engine: Engine,
  signal: AbortSignal,
): Promise<TriedQuery[]> {
  const asks = code.models.length > 0 || code.queries.some(({ inserts }) => inserts.length > 0);
  const live = asks ? await schemaOf(database, signal) : undefined;
  const catalog = live instanceof Error ? undefined : live;
  const queries = [...code.queries, ...queriesOfModels(code, catalog, engine)].sort((a, b) =>
    a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1,
  );
  const prepared = await database.prepare(
    queries.map(({ text }) => text),
    signal,
  );
  return queries.map((query, i) => {
    const outcome = prepared[i] ?? { fails: false };
    return { query, outcome: outcome.fails === false && live ? needsOf(query, live) : outcome };
  });
}

async function schemaOf(database: Database, signal: AbortSignal): Promise<Catalog | RollbackError> {
  try {
    return (await database.catalog(signal)).catalog;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RollbackError) return error;
    throw error;
  }
}

function needsOf(query: OldQuery, live: Catalog | RollbackError): Outcome {
  if (!(live instanceof Error)) return judgeNeeds(query, live);
  if (query.inserts.length === 0 && query.enumerations.length === 0) return { fails: false };
  return { fails: 'unknown', error: `what its columns need can't be read. ${live.message}` };
}
