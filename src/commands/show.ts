import { EXIT } from '../model/error.ts';
import type { Plan } from '../model/plan.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { currentRecord } from './current-record.ts';
import { findRun } from './find-run.ts';

/**
 * The record of one run, also of one that has no end yet; or a plan that was saved and never carried out.
 * @param run Its id, the beginning of it, or `last`.
 * @throws RollbackError `RUN_NOT_FOUND`, `RUN_AMBIGUOUS` (exit 2), `JOURNAL_UNREADABLE`
 */
export async function show(context: CommandContext, run: string): Promise<CommandOutcome> {
  const { store } = context.adapters;
  const saved = (await store.list()).includes(run) ? undefined : await store.get<Plan>('plans', run);
  if (saved) return { exit: EXIT.done, json: saved.value };
  const runId = await findRun(store, run);
  return { exit: EXIT.done, runId, json: await currentRecord(store, runId) };
}
