import { RollbackError } from '../../model/error.ts';
import type { Down } from '../../model/reversal.ts';
import { messageOf } from './backup-folder.ts';
import type { HistoryVerdict } from './database.ts';

/** Longest time a down waits for a lock before it makes way and tries again, ms. Whoever comes after it waits as long. MySQL: 1 s. */
export const DOWN_LOCK_MS = 500;
/** Longest time of a query that counts, ms. */
export const COUNT_MS = 5000;

/** A lock was not to be had in the time that others may be kept waiting; it is tried again. */
export function downLocked({ file }: Down, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DOWN_LOCKED',
    summary: `Taking back ${file} waits for a lock`,
    detail: `${messageOf(cause).replace(/\.$/, '')}.`,
    retriable: true,
    cause,
  });
}

/** The database refused it, and nothing of it took effect. */
export function downFailed({ file }: Down, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DOWN_FAILED',
    summary: `The down of ${file} fails`,
    detail: `${messageOf(cause).replace(/\.$/, '')}.`,
    fix: 'Mend the down, or propose a bridge: rollback-deploy-auto migrations --write-reversal',
    cause,
  });
}

/** Some of it took effect, where the engine commits each statement by itself. */
export function downBetween(
  { file }: Down,
  at: { done: number; of: number; next: string | undefined; why: string; fix: string; cause: unknown },
): RollbackError {
  const { done, of, next, why, fix, cause } = at;
  const effect = done === 0 ? 'None' : done === of ? 'All' : `The first ${done}`;
  const rest = next === undefined ? '' : ` Next is: ${next.replace(/\s+/g, ' ').slice(0, 120)}.`;
  return new RollbackError({
    code: 'DOWN_BETWEEN',
    summary: `The down of ${file} has not come to its end`,
    detail: `${effect} of its ${of} ${of === 1 ? 'statement' : 'statements'} took effect, and the history still has the migration. ${why}${rest}`,
    fix,
    cause,
  });
}

/** @throws RollbackError `DOWN_NOT_NEXT` where the history says so */
export function requireNext({ file, version }: Down, verdict: HistoryVerdict): void {
  if (verdict.state === 'next') return;
  const why = verdict.state === 'gone' ? `The history has no applied ${version}.` : verdict.why;
  throw new RollbackError({
    code: 'DOWN_NOT_NEXT',
    summary: `${file} is not the next to be taken back`,
    detail: why,
    fix: 'Somebody else migrated meanwhile: look at the history, then plan anew.',
  });
}

/** @throws RollbackError `DOWN_FAILED` where the migration is still in the history that the transaction sees */
export function requireGone(down: Down, verdict: HistoryVerdict): void {
  if (verdict.state !== 'gone')
    throw downFailed(down, new Error('The history has it as applied after it was taken out'));
}
