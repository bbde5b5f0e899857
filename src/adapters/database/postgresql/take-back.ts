import { RollbackError } from '../../../model/error.ts';
import type { HistoryRow } from '../../../model/migration-history.ts';
import type { CountedLoss, Down, Loss } from '../../../model/reversal.ts';
import { scriptOf } from '../../../model/reversal.ts';
import { countEach } from '../count-losses.ts';
import type { Backup, TakeBackOptions, TakenBack } from '../database.ts';
import { COUNT_MS, DOWN_LOCK_MS, downFailed, downLocked, requireGone, requireNext } from '../down-error.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { quoteName } from './database-shape.ts';
import type { PostgresqlOptions } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';
import { findTools } from './tools.ts';
import { requireWhole, restoreAll } from './verify.ts';

/** lock_not_available, deadlock_detected, serialization_failure */
const LOCKED = ['55P03', '40P01', '40001'];

/** Takes a migration back as `Reversible.takeBack` promises. */
export async function takeBackPostgresql(
  options: PostgresqlOptions,
  down: Down,
  { inside, statementMs, judge, signal }: TakeBackOptions,
): Promise<TakenBack> {
  const where = { signal, statementTimeoutMs: statementMs, ...(inside ? { database: inside } : {}) };
  return withSession(options, where, async (session) => {
    await likeItsTool(session, statementMs);
    const { history } = options;
    const table = [history.schema?.postgresql, history.table].filter((part) => part !== undefined);
    const rows = () => session.rows<HistoryRow>(history.query?.('postgresql') ?? '');
    try {
      await session.rows('BEGIN');
      // Readers of the history go on; a tool that would migrate now waits, and finds it changed.
      await session.rows(`LOCK TABLE ${table.map(quoteName).join('.')} IN SHARE ROW EXCLUSIVE MODE`);
      requireNext(down, judge(await rows()));
      const before = await transaction(session);
      await session.rows(scriptOf(down));
      if ((await transaction(session)) !== before)
        throw new Error('The down ended the transaction itself, so that what it did can not be told');
      await session.rows(down.history);
      requireGone(down, judge(await rows()));
      await session.rows('COMMIT');
      return {};
    } catch (error) {
      await session.rows('ROLLBACK').catch(() => undefined);
      throw said(down, error);
    }
  });
}

/** What a session of the migration tool's would have: the settings of role and database. */
async function likeItsTool(session: Session, statementMs: number): Promise<void> {
  await session.rows('RESET ALL');
  await session.rows(`SELECT set_config(name, wanted, false) FROM (VALUES
    ('lock_timeout', '${DOWN_LOCK_MS}'), ('statement_timeout', '${statementMs}'), ('client_connection_check_interval', '2000')
  ) AS v (name, wanted) WHERE v.name IN (SELECT s.name FROM pg_settings s)`);
}

async function transaction(session: Session): Promise<string> {
  const [{ id }] = (await session.rows('SELECT txid_current()::text AS id')) as [{ id: string }];
  return id;
}

function said(down: Down, error: unknown): unknown {
  if (error instanceof RollbackError) return error;
  const code = (error as { code?: string }).code ?? '';
  if (LOCKED.includes(code)) return downLocked(down, error);
  // Ended by the server, or cut off: whether the COMMIT came through is looked at before it is tried again.
  const lost = code.startsWith('08') || code.startsWith('57P') || !/^[0-9A-Z]{5}$/.test(code);
  return lost && code !== '' ? unreachable(down, error) : downFailed(down, error);
}

function unreachable(down: Down, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DATABASE_UNREACHABLE',
    summary: `The connection was lost while ${down.file} was taken back`,
    retriable: true,
    cause,
  });
}

/** Restores to scratch as `Reversible.withCopy` promises. */
export async function withCopyPostgresql<T>(
  options: PostgresqlOptions,
  backup: Backup,
  signal: AbortSignal,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const { manifest, content } = await requireWhole(backup, signal);
  return withSession(options, { signal, statementTimeoutMs: 0 }, async (session) => {
    const tools = await findTools(session.major);
    await dropAbandoned(session);
    return withScratch(session, manifest.own.shape, async (scratch) => {
      await restoreAll({ options, backup, manifest, content, scratch, tools, signal });
      return work(scratch);
    });
  });
}

/** Counts as `Reversible.countLosses` promises. */
export async function countPostgresql(
  options: PostgresqlOptions,
  losses: readonly Loss[],
  signal: AbortSignal,
): Promise<CountedLoss[]> {
  return withSession(options, { signal, statementTimeoutMs: COUNT_MS }, async (session, searchPath) => {
    await session.rows(`SELECT set_config('search_path', $1, false)`, [searchPath]);
    await session.rows(`SET lock_timeout = ${DOWN_LOCK_MS}`);
    await session.rows('SET default_transaction_read_only = on');
    return countEach(losses, 'postgresql', signal, async (query) => {
      const [row] = await session.rows<{ rows: string; values?: string }>(query);
      return row as { rows: string; values?: string };
    });
  });
}
