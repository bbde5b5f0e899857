import { join } from 'node:path';
import { planHash } from '../engine/plan-hash.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { RunState } from '../model/run-state.ts';
import { runState } from '../model/run-state.ts';
import { carryOut } from './carry-out.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { runToGoOnWith } from './unfinished.ts';

/**
 * Goes on with a run whose client is gone or has stopped. What was begun and not finished is looked at first.
 * @throws RollbackError `NOTHING_TO_RESUME`, `RUN_ENDED`, `RUN_NOT_FOUND` (exit 2), `LEASE_HELD`, `PLAN_CHANGED` (exit 4)
 */
export async function resume(context: CommandContext, runId: string | undefined): Promise<CommandOutcome> {
  const { adapters, holder, serviceName, stop } = context;
  const { store } = adapters;
  const found = await runToGoOnWith(store, serviceName, runId);
  if (!found) {
    throw new RollbackError({
      code: 'NOTHING_TO_RESUME',
      summary: `No run of ${serviceName} is unfinished`,
      production: 'Nothing was changed.',
      fix: 'See the runs there were: rollback-deploy-auto history',
      exit: EXIT.usage,
    });
  }
  refuseChanged(found, store.name);
  const lease = await store.acquireLease(serviceName, holder, stop.immediate);
  // Read again under the lease: until now the other client may have gone on.
  const entries = await store.read(found.runId);
  for (const entry of entries) context.emit({ type: 'entry', entry });
  return carryOut(context, lease, runState(entries), 'resume');
}

/** A plan is data that a person agreed to: changed data or an unknown format is not carried out. */
export function refuseChanged({ runId, plan }: RunState, state: string): void {
  if (plan.format === 1 && planHash(plan) === plan.hash) return;
  throw new RollbackError({
    code: 'PLAN_CHANGED',
    summary: `The plan of run ${runId} is not the one that was agreed to`,
    detail:
      plan.format === 1
        ? 'Its content does not match its hash: the journal was edited or damaged.'
        : `Its format ${plan.format} is not known to this version.`,
    production: 'This command changed nothing.',
    fix: `Put its journal back as it was (${join(state, 'runs', runId)}), then: rollback-deploy-auto resume ${runId}`,
    exit: EXIT.refused,
  });
}
