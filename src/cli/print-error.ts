import { EXIT, type ExitCode, RollbackError, redact } from '../model/error.ts';
import { PROGRAM } from './usage.ts';

export interface PrintErrorTo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  output: 'text' | 'json';
  /** Prints the stack of what was not thrown on purpose. */
  debug: boolean;
}

/**
 * Prints an error the one way: what failed, why, what production looks like, what to run next; with `json` also as
 * `{error: {...}}` on stdout.
 * @returns what the process exits with.
 */
export function printError(thrown: unknown, to: PrintErrorTo): ExitCode {
  const error = thrown instanceof RollbackError ? thrown : unexpected(thrown);
  const { code, summary, detail, production, fix, exit } = error;
  const lines = [`Error: ${summary} (${code})`, detail, production, fix].filter((line) => line !== undefined);
  to.stderr.write(`${lines.join('\n')}\n`);
  if (to.debug) to.stderr.write(`${redact(stackOf(thrown))}\n`);
  if (to.output === 'json') {
    to.stdout.write(
      `${JSON.stringify({ error: { code, summary, detail, production, fix, exit } }, null, 2)}\n`,
    );
  }
  return exit;
}

function unexpected(thrown: unknown): RollbackError {
  return new RollbackError({
    code: 'UNEXPECTED',
    summary: thrown instanceof Error ? thrown.message : String(thrown),
    detail: 'This is a fault in the program itself. DEBUG=1 prints where it happened.',
    production: 'Where production stands is unknown to it.',
    fix: `See what runs: ${PROGRAM} status; an unfinished run goes on with: ${PROGRAM} resume`,
    exit: EXIT.failed,
    cause: thrown,
  });
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause === undefined ? '' : `\nCaused by: ${stackOf(thrown.cause)}`;
  return `${thrown.stack ?? thrown.message}${cause}`;
}
