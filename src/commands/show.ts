import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { currentRecord } from './current-record.ts';
import { findRun } from './find-run.ts';

/**
 * The record of one run, also of one that has no end yet.
 * @param run Its id, the beginning of it, or `last`.
 * @throws RollbackError `RUN_NOT_FOUND`, `RUN_AMBIGUOUS` (exit 2), `JOURNAL_UNREADABLE`
 */
export async function show(context: CommandContext, run: string): Promise<CommandOutcome> {
  const { store } = context.adapters;
  const runId = await findRun(store, run);
  return { exit: EXIT.done, runId, json: await currentRecord(store, runId) };
}
