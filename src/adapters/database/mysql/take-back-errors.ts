import { RollbackError } from '../../../model/error.ts';
import type { Down } from '../../../model/reversal.ts';
import { messageOf } from '../backup-folder.ts';
import { downBetween, downFailed, downLocked } from '../down-error.ts';
import type { DownStep } from './down-steps.ts';
import { PROGRESS } from './progress.ts';

/** How far a down came. */
export interface Reached {
  down: Down;
  steps: DownStep[];
  /** How many steps took effect. */
  at: number;
  /** Whether a trial saw what is to come; else this is one. */
  tried: boolean;
}

const LOCKED = ['ER_LOCK_WAIT_TIMEOUT', 'ER_LOCK_DEADLOCK', 'ER_CHECKREAD'];
export const OTHERWISE = 'The schema is not what it was after them on the copy.';
const LOST =
  /^(?:PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|ER_SERVER_SHUTDOWN|ER_CONNECTION_KILLED|ER_CLIENT_INTERACTION)/;

export function isLost(error: unknown): boolean {
  return LOST.test((error as { code?: string }).code ?? '') || /closed state/i.test(messageOf(error));
}

export function said(run: Reached, error: unknown): RollbackError {
  const { down, steps, at, tried } = run;
  if (error instanceof RollbackError && error.code !== 'DOWN_FAILED') return error;
  if (LOCKED.includes((error as { code?: string }).code ?? '')) return downLocked(down, error);
  if (isLost(error)) return unreachable(down, error);
  if (at === 0 || !tried) return error instanceof RollbackError ? error : downFailed(down, error);
  const what = at < steps.length ? `Statement ${at + 1} fails` : 'Taking it out of the history fails';
  const why = `${what}: ${messageOf(error).replace(/\.$/, '')}.`;
  return between(run, why, 'Mend what it says, then roll back again: it goes on with that statement.', error);
}

export function between(
  { down, steps, at }: Reached,
  why: string,
  fix: string,
  cause?: unknown,
): RollbackError {
  return downBetween(down, { done: at, of: steps.length, next: steps[at]?.text, why, fix, cause });
}

export function byHand({ version }: Down): string {
  return `Look at what is there, and bring it to its end by hand, with its row in the history; then forget how far it came: DELETE FROM ${PROGRESS} WHERE version = '${version}'`;
}

export function changedSince({ file }: Down): RollbackError {
  return new RollbackError({
    code: 'DOWN_NOT_TRIED',
    summary: `${file} was tried on another schema than there is now`,
    detail: 'Somebody changed the schema since the backup was taken.',
    fix: 'Roll back again: the down is tried anew.',
  });
}

export function unseen(text: string): Error {
  return new Error(
    `What "${text.replace(/\s+/g, ' ').slice(0, 80)}" does is not seen in the schema, so that after a crash nobody could tell whether it took effect`,
  );
}

function unreachable({ file }: Down, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DATABASE_UNREACHABLE',
    summary: `The connection was lost while ${file} was taken back`,
    retriable: true,
    cause,
  });
}
