import { RollbackError } from '../../model/error.ts';
import type { ReplayStatement } from '../../schema-changes/replay.ts';
import { messageOf } from './backup-folder.ts';

/** @throws RollbackError `REPLAY_FAILED` naming the first statement that fails */
export async function eachStatement(
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
  run: (text: string) => Promise<unknown>,
): Promise<void> {
  for (const { file, line, text } of statements) {
    signal.throwIfAborted();
    try {
      await unlessAborted(run(text), signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new RollbackError({
        code: 'REPLAY_FAILED',
        summary: 'The migrations could not be replayed in an empty database',
        detail: `${file}:${line}: ${messageOf(error)}.`,
        fix: 'Nothing but the comparison with the live schema is missing: look at the differences yourself, or correct the migrations.',
        cause: error,
      });
    }
  }
}

/** A driver may tell of a session that was dropped only once the server has noticed. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The configured user may not make what a replay needs; with more rights than that nothing is replayed. */
export function replayRefused(detail: string, fix: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'REPLAY_REFUSED',
    summary: 'The migrations were not replayed',
    detail,
    fix,
    cause,
  });
}

/**
 * Replays, then drops what it was replayed as.
 * @param account As people know it, e.g. `the role "rollback_scratch_1"`.
 * @throws what `replay` throws, with what could not be dropped; RollbackError `SCRATCH_LEFT` where that is all that failed
 */
export async function thenDropped<T>(
  replay: () => Promise<T>,
  account: string,
  drop: () => Promise<unknown>,
): Promise<T> {
  const [replayed] = await Promise.allSettled([replay()]);
  const [dropped] = await Promise.allSettled([drop()]);
  if (dropped.status === 'rejected') {
    const left = `What they were replayed as, ${account}, could not be dropped: ${messageOf(dropped.reason)}.`;
    if (replayed.status === 'fulfilled') throw scratchLeft(left, account, dropped.reason);
    if (replayed.reason instanceof RollbackError) throw alsoLeft(replayed.reason, left);
  }
  if (replayed.status === 'rejected') throw replayed.reason;
  return replayed.value;
}

function scratchLeft(left: string, account: string, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'SCRATCH_LEFT',
    summary: 'The migrations were replayed, and something of it is left on the server',
    detail: left,
    fix: `Take away what holds it, and drop ${account}; the next replay tries it, too.`,
    cause,
  });
}

function alsoLeft(
  { code, summary, detail, fix, retriable, cause }: RollbackError,
  left: string,
): RollbackError {
  const both = [detail, left].filter((each) => each !== undefined).join(' ');
  return new RollbackError({
    code,
    summary,
    detail: both,
    retriable,
    cause,
    ...(fix === undefined ? {} : { fix }),
  });
}
