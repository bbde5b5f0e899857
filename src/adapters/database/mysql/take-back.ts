import type { HistoryRow } from '../../../model/migration-history.ts';
import type { Down } from '../../../model/reversal.ts';
import { mayDoNothing } from '../../../schema-changes/mysql/commits.ts';
import { splitMysql } from '../../../schema-changes/mysql/split.ts';
import { messageOf } from '../backup-folder.ts';
import type { TakeBackOptions, TakenBack } from '../database.ts';
import { downLocked, requireGone, requireNext } from '../down-error.ts';
import type { Session } from './connection.ts';
import { withSession } from './connection.ts';
import { type DownStep, downSteps, online } from './down-steps.ts';
import type { MysqlOptions } from './options.ts';
import {
  beginProgress,
  dropProgress,
  endProgress,
  readProgress,
  schemaState,
  writeProgress,
} from './progress.ts';
import {
  between,
  byHand,
  changedSince,
  isLost,
  OTHERWISE,
  type Reached,
  said,
  unseen,
} from './take-back-errors.ts';

/** Locks are waited for in whole seconds. */
const LOCK_S = 1;
/** A session whose client is gone without a word ends after so long, s: until then nobody else goes on. */
const IDLE_S = 60;

/** Takes a migration back as `Reversible.takeBack` promises: statement by statement. */
export async function takeBackMysql(
  options: MysqlOptions,
  down: Down,
  { inside, statementMs, judge, states, begunOnly = false, signal }: TakeBackOptions,
): Promise<TakenBack> {
  const where = { signal, ...(inside === undefined ? {} : { database: inside }) };
  const steps = downSteps(down.statements);
  // Settings of the down must not change how the schema is told.
  return withSession(options, where, (look) =>
    withSession(options, where, async (session) => {
      const bounds = () => likeItsTool(session, statementMs);
      // Where the copy is not in the binary log, nothing that is done to it may be.
      if (inside !== undefined) await session.rows('SET SESSION sql_log_bin = 0').catch(() => undefined);
      const rows = () => session.rows<HistoryRow>(options.history.query?.('mysql') ?? '');
      const reached = { down, steps, at: 0, tried: false, seen: [], blocking: [] };
      const run: DownRun = { ...reached, session, look, bounds };
      try {
        await alone(session, down);
        await bounds();
        requireNext(down, judge(await rows()));
        await findPlace(run, states);
        if (begunOnly && run.at === 0) {
          await forget(run);
          return { left: true };
        }
        for (const { settings } of steps.slice(0, run.at)) await set(run, settings);
        while (run.at < steps.length) await runNext(run);
        await session.rows('START TRANSACTION');
        for (const { text } of splitMysql(down.history)) await session.rows(text);
        await endProgress(session, down);
        requireGone(down, judge(await rows()));
        await session.rows('COMMIT');
        // One that stays is empty, and the next drops it.
        await dropProgress(session).catch(() => undefined);
        return { states: run.seen, blocking: run.blocking };
      } catch (error) {
        await session.rows('ROLLBACK').catch(() => undefined);
        signal.throwIfAborted();
        const told = said(run, error);
        // Nothing is to be gone on with; where it can't be forgotten, the next looks at the schema.
        if (told.code === 'DOWN_FAILED') await forget(run).catch(() => undefined);
        throw told;
      }
    }),
  );
}

interface DownRun extends Reached {
  session: Session;
  /** Reads the schema. */
  look: Session;
  /** Sets what a setting of the down may have changed. */
  bounds(): Promise<void>;
  /** The schema before the first step and after each: as the trial saw it; in the trial itself as far as it came. */
  seen: string[];
  blocking: string[];
}

/** An earlier process may be gone, and its statement still run: its session has the lock. */
async function alone(session: Session, down: Down): Promise<void> {
  const [row] = await session.rows<{ held: number | string | null }>(
    `SELECT GET_LOCK(CONCAT('rollback_reversal_', MD5(DATABASE())), ${LOCK_S}) AS held`,
  );
  if (Number(row?.held) !== 1) throw downLocked(down, new Error('Another session takes migrations back'));
}

async function likeItsTool(session: Session, statementMs: number): Promise<void> {
  await session.rows(
    `SET SESSION lock_wait_timeout = ${LOCK_S}, innodb_lock_wait_timeout = ${LOCK_S}, wait_timeout = ${IDLE_S}`,
  );
  // MySQL bounds nothing but SELECT.
  if (session.family === 'mariadb')
    await session.rows(`SET SESSION max_statement_time = ${statementMs / 1000}`);
}

/** Finds out how many steps took effect, from what is kept of them and from the schema that is there. */
async function findPlace(run: DownRun, tried: readonly string[] | undefined): Promise<void> {
  const { down, steps, session, look } = run;
  const now = await schemaState(look);
  const known = await readProgress(session, down);
  const atStart = known?.done === 0 && [undefined, now].includes((tried ?? known.states)[0]);
  if (!known || atStart) {
    if (tried && now !== tried[0]) throw changedSince(down);
    run.seen = tried ? [...tried] : [now];
    run.tried = tried !== undefined;
    await beginProgress(session, down, { done: 0, states: tried ?? [] });
    return;
  }
  run.seen = [...known.states];
  run.tried = true;
  run.at = known.done;
  if (!known.same) throw between(run, 'An earlier attempt ran another down of it.', byHand(down));
  if (now === run.seen[run.at]) return;
  // A change of rows and its mark are one transaction; a change of the schema commits before it is marked.
  if (steps[run.at]?.kind === 'schema' && now === run.seen[run.at + 1]) {
    run.at += 1;
    await writeProgress(session, down, run.at);
    return;
  }
  throw between(run, OTHERWISE, byHand(down));
}

async function runNext(run: DownRun): Promise<void> {
  const { down, session, look, seen } = run;
  const { text, kind, settings } = run.steps[run.at] as DownStep;
  await set(run, settings);
  if (kind === 'rows') {
    await session.rows('START TRANSACTION');
    await session.rows(text);
    await writeProgress(session, down, run.at + 1);
    await session.rows('COMMIT');
  } else await changeSchema(run, text);
  run.at += 1;
  const now = await schemaState(look);
  if (!run.tried) {
    if (kind === 'schema' && now === seen.at(-1) && !mayDoNothing(text)) throw unseen(text);
    seen.push(now);
  } else if (now !== seen[run.at]) throw between(run, OTHERWISE, byHand(down));
  if (kind === 'schema') await writeProgress(session, down, run.at);
}

/** Without keeping writers waiting where the server can do that. */
async function changeSchema(run: DownRun, text: string): Promise<void> {
  const { session, look, seen, at, down } = run;
  const gentle = online(text);
  const refused = (error: unknown) =>
    /^ER_(?:ALTER_OPERATION_NOT_SUPPORTED|PARSE_ERROR)/.test((error as { code?: string }).code ?? '');
  try {
    await session.rows(gentle ?? text).catch(async (error) => {
      if (gentle === undefined || !refused(error)) throw error;
      run.blocking.push(text);
      await session.rows(text);
    });
  } catch (error) {
    // Of several tables some may be gone though the statement fails.
    if (!isLost(error) && (await schemaState(look)) !== seen[at])
      throw between(
        run,
        `The next fails, and the schema is another: ${messageOf(error)}.`,
        byHand(down),
        error,
      );
    throw error;
  }
}

async function set({ session, bounds }: DownRun, settings: readonly string[]): Promise<void> {
  for (const text of settings) await session.rows(text);
  if (settings.length > 0) await bounds();
}

async function forget({ session, down }: DownRun): Promise<void> {
  if (!(await readProgress(session, down))) return;
  await endProgress(session, down);
  await dropProgress(session);
}
