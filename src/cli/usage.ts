import { EXIT, RollbackError } from '../model/error.ts';

/** An error in what was typed: exit 2, nothing was tried. */
export function usageError(summary: string, detail: string | undefined, fix: string): RollbackError {
  return new RollbackError({ code: 'USAGE', summary, detail, fix, exit: EXIT.usage });
}

/** The name under which the program was built to be called. */
export const PROGRAM = 'rollback-deploy-auto';
