import type { CountedLoss, Loss } from '../../../model/reversal.ts';
import { countEach } from '../count-losses.ts';
import type { Backup, TableChange } from '../database.ts';
import { COUNT_MS } from '../down-error.ts';
import { DEFINITIONS, tableChanges } from '../table-changes.ts';
import { withSession } from './connection.ts';
import { DumpReader } from './dump-content.ts';
import type { MysqlOptions } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';
import { findTools, runDump } from './tools.ts';
import { requireWhole, restoreInto } from './verify.ts';

/** Restores to scratch as `Reversible.withCopy` promises. */
export async function withCopyMysql<T>(
  options: MysqlOptions,
  backup: Backup,
  signal: AbortSignal,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const { manifest } = await requireWhole(backup, signal);
  return withSession(options, { signal }, async (session) => {
    const tools = await findTools(session);
    await dropAbandoned(session);
    return withScratch(session, manifest.own, async (scratch, unlogged) => {
      await restoreInto({ options, backup, tools, signal, database: scratch, proof: true, unlogged });
      return work(scratch);
    });
  });
}

/** Dumps what is there now, and compares it as it passes. */
export async function changesMysql(
  options: MysqlOptions,
  backup: Backup,
  signal: AbortSignal,
): Promise<TableChange[]> {
  const { content } = await requireWhole(backup, signal);
  return withSession(options, { signal }, async (session) => {
    const tools = await findTools(session);
    const reader = new DumpReader();
    await runDump(options, tools, session.database, { signal, output: async (chunk) => reader.push(chunk) });
    const now = reader.end();
    const changes = tableChanges(
      content.rows,
      now.rows,
      (table) => content.hashes[table] !== now.hashes[table],
    );
    return changes.length > 0 || content.definitions === now.definitions ? changes : [DEFINITIONS];
  });
}

/** Counts as `Reversible.countLosses` promises. */
export async function countMysql(
  options: MysqlOptions,
  losses: readonly Loss[],
  signal: AbortSignal,
): Promise<CountedLoss[]> {
  return withSession(options, { signal }, async (session) => {
    await session.rows(
      session.family === 'mariadb'
        ? `SET SESSION max_statement_time = ${COUNT_MS / 1000}, lock_wait_timeout = 1`
        : `SET SESSION max_execution_time = ${COUNT_MS}, lock_wait_timeout = 1`,
    );
    await session.rows('SET SESSION TRANSACTION READ ONLY');
    return countEach(losses, 'mysql', signal, async (query) => {
      const [row] = await session.rows<{ rows: string; values?: string }>(query);
      return row as { rows: string; values?: string };
    });
  });
}
