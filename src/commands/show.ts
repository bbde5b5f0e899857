import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { currentRecord } from './current-record.ts';

/**
 * The record of one run, also of one that has no end yet.
 * @throws RollbackError `RUN_NOT_FOUND` (exit 2), `JOURNAL_UNREADABLE`
 */
export async function show(context: CommandContext, runId: string): Promise<CommandOutcome> {
  return { exit: EXIT.done, runId, json: await currentRecord(context.adapters.store, runId) };
}
