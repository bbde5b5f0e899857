import { RollbackError } from '../../model/error.ts';
import type { DatabaseFacts } from '../../model/facts.ts';
import type { HistoryRow } from '../../model/migration-history.ts';
import { messageOf } from './backup-folder.ts';
import type { HistoryTable } from './database.ts';

/** A connection to a server, as each engine's adapter has it. */
interface Session {
  readonly version: string;
  readonly user: string;
  rows<T extends object>(sql: string): Promise<T[]>;
}

/** Where the history is, on the engine that is asked. */
export interface HistoryPlace {
  schema: string | undefined;
  table: string;
  column: string;
}

/** What is asked in each engine's own words. */
export interface ServerQuestions {
  engine: 'postgresql' | 'mysql';
  /** Bytes on disk. */
  size(): Promise<number>;
  /** Versions in the history; undefined where there is no such table. */
  applied(place: HistoryPlace): Promise<string[] | undefined>;
  /** The statement that gives the right to read a table. */
  grant(table: string): string;
}

/**
 * Reads as `Database.facts` promises, in a session with a statement timeout.
 * @throws RollbackError `DATABASE_UNREADABLE`
 */
export async function serverFacts(
  {
    name,
    history,
    session,
    signal,
  }: { name: string; history: HistoryTable; session: Session; signal: AbortSignal },
  { engine, size, applied, grant }: ServerQuestions,
): Promise<DatabaseFacts> {
  const schema = history.schema?.[engine];
  const { column } = history;
  const table = [schema, history.table].filter((part) => part !== undefined).join('.');
  try {
    const sizeBytes = await size();
    const versions = await applied({ schema, table: history.table, column });
    const query = versions && history.query?.(engine);
    return {
      name,
      engine,
      version: session.version,
      applied: versions,
      ...(query ? { historyRows: await session.rows<HistoryRow>(query) } : {}),
      sizeBytes,
      backupBlocksWritersMs: 0,
    };
  } catch (error) {
    if (error instanceof RollbackError || signal.aborted) throw error;
    throw new RollbackError({
      code: 'DATABASE_UNREADABLE',
      summary: `The migration history of ${name} can't be read`,
      detail: `Reading ${column} of table ${table} as "${session.user}": ${messageOf(error)}.`,
      fix: `Give the user the right, ${grant(table)}, or set database.migrations.format in rollback.yaml to the tool that migrates this database.`,
      cause: error,
    });
  }
}
