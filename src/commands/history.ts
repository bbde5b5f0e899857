import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { currentRecord } from './current-record.ts';

/** All runs of the service, newest first, as their journals tell them now. */
export async function history(context: CommandContext): Promise<CommandOutcome> {
  const { store } = context.adapters;
  const records = [];
  for (const runId of (await store.list()).reverse()) {
    const record = await currentRecord(store, runId);
    if (record.service === context.serviceName) records.push(record);
  }
  return { exit: EXIT.done, json: records };
}
