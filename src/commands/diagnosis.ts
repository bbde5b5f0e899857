import { RollbackError } from '../model/error.ts';

/** One thing looked at. Only `fail` is in the way of a rollback. */
export interface Diagnosis {
  status: 'ok' | 'warn' | 'fail' | 'unknown';
  /** E.g. `State folder .rollback is writable and has hard links`. */
  title: string;
  /** What to do about it: commands or sentences. Empty where it is ok. */
  fix: string[];
}

export function ok(title: string): Diagnosis {
  return { status: 'ok', title, fix: [] };
}

/** A diagnosis from what was thrown while looking. */
export function failure(what: string, error: unknown): Diagnosis {
  if (!(error instanceof RollbackError)) {
    return { status: 'fail', title: `${what}: ${(error as Error).message}`, fix: [] };
  }
  const detail = error.detail === undefined ? '' : `\n${error.detail}`;
  return {
    status: 'fail',
    title: `${what}: ${error.summary}${detail}`,
    fix: error.fix === undefined ? [] : [error.fix],
  };
}
