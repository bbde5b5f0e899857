import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import type { HistoryRow } from '../../../model/migration-history.ts';
import type { CountedLoss, Down, Loss } from '../../../model/reversal.ts';
import { scriptOf } from '../../../model/reversal.ts';
import { sha256Of, unfinishedPath } from '../backup-files.ts';
import { notVerified } from '../backup-folder.ts';
import { countEach } from '../count-losses.ts';
import type { Backup, TakeBackOptions, TakenBack } from '../database.ts';
import { COUNT_MS, downFailed, downLocked, requireGone, requireNext } from '../down-error.ts';
import type { Connection } from './connection.ts';
import { openForReading, untilFree } from './connection.ts';
import { FOREIGN_KEY_VIOLATIONS, iterateRows } from './content.ts';
import { quoteName } from './literal.ts';
import type { SqliteOptions } from './options.ts';
import { removeSideFiles, runDump } from './restore.ts';
import type { ThreadConnection } from './thread-connection.ts';
import { openInThread } from './thread-connection.ts';

/** Takes a migration back as `Reversible.takeBack` promises. */
export async function takeBackSqlite(
  options: SqliteOptions,
  down: Down,
  { inside, judge, signal }: TakeBackOptions,
): Promise<TakenBack> {
  const path = inside ?? options.path;
  // Opening it for writing would make it.
  await stat(path).catch((error) => {
    throw downFailed(down, error);
  });
  const db = openInThread(path);
  const rows = () => db.all<HistoryRow>(options.history.query?.('sqlite') ?? '');
  try {
    // Tables that are made anew must not take the rows that refer to them along; the rows are checked at the end.
    await db.exec('PRAGMA foreign_keys = OFF');
    await untilFree(options.label, signal, () => db.exec('BEGIN IMMEDIATE')).catch((error) => {
      throw error instanceof RollbackError && error.code === 'DATABASE_LOCKED'
        ? downLocked(down, error)
        : error;
    });
    requireNext(down, judge(await rows()));
    const violations = await violationsIn(db);
    await db.exec(scriptOf(down));
    if (!db.inTransaction)
      throw new Error('The down ended the transaction itself, so that what it did can not be told');
    const broken = (await violationsIn(db)) - violations;
    if (broken > 0) throw new Error(`${broken} rows refer to rows that are gone (foreign_key_check)`);
    await db.exec(down.history);
    requireGone(down, judge(await rows()));
    // The lease may have been lost meanwhile.
    signal.throwIfAborted();
    await db.exec('COMMIT');
    return {};
  } catch (error) {
    if (db.inTransaction) await db.exec('ROLLBACK');
    signal.throwIfAborted();
    if (error instanceof RollbackError) throw error;
    throw isBusy(error) ? downLocked(down, error) : downFailed(down, error);
  } finally {
    await db.close();
  }
}

async function violationsIn(db: ThreadConnection): Promise<number> {
  const [row] = await db.all<{ n: number }>(FOREIGN_KEY_VIOLATIONS);
  return row?.n ?? 0;
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test((error as { code?: string }).code ?? '');
}

/** Restores to scratch as `Reversible.withCopy` promises. */
export async function withCopySqlite<T>(
  backup: Backup,
  signal: AbortSignal,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const scratch = unfinishedPath(dirname(backup.path), 'scratch');
  try {
    if ((await sha256Of(backup.path, signal)) !== backup.sha256)
      throw notVerified(backup, 'Its content is not what was written: the SHA-256 differs.');
    await runDump(backup.path, scratch, { durable: false, signal });
    return await work(scratch);
  } finally {
    await rm(scratch, { force: true });
    await removeSideFiles(scratch);
  }
}

/** Counts as `Reversible.countLosses` promises: row by row, since libsql can't end a query that counts. */
export async function countSqlite(
  options: SqliteOptions,
  losses: readonly Loss[],
  signal: AbortSignal,
): Promise<CountedLoss[]> {
  const db = await openForReading(options.path, `sqlite ${options.label}`, signal);
  try {
    return await countEach(losses, 'sqlite', signal, (_, loss) =>
      untilFree(options.label, signal, () => countRows(db, loss)),
    );
  } finally {
    db.close();
  }
}

function countRows(db: Connection, { table, column }: Loss): { rows: number; values?: number } {
  const deadline = performance.now() + COUNT_MS;
  const value = column === undefined ? '1' : `${quoteName(column)} IS NOT NULL`;
  let values = 0;
  let rows = 0;
  for (const [filled] of iterateRows(db, `SELECT ${value} FROM ${quoteName(table)}`)) {
    rows++;
    if (filled === 1n) values++;
    if (rows % 1024 === 0 && performance.now() > deadline)
      throw new Error(`more than ${rows} rows, given up after ${COUNT_MS / 1000} s`);
  }
  return column === undefined ? { rows } : { rows, values };
}
