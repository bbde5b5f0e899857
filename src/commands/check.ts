import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome, RollbackOptions } from './context.ts';
import { refusal } from './plan.ts';
import { prepare } from './prepare.ts';
import { newRunId } from './run-id.ts';
import { refuseWhileUnfinished } from './unfinished.ts';

/** Could we roll back right now? Runs every check and keeps nothing; exit 0 yes, 4 no. */
export async function check(context: CommandContext, options: RollbackOptions): Promise<CommandOutcome> {
  await refuseWhileUnfinished(context.adapters.store, context.serviceName);
  const { plan, facts } = await prepare(context, options, newRunId(context.clock));
  const error = refusal(plan, facts);
  return { exit: error ? EXIT.refused : EXIT.done, json: plan, ...(error ? { error } : {}) };
}
