import type { LeaseInfo } from '../adapters/store/store.ts';
import { EXIT } from '../model/error.ts';
import type { RunState } from '../model/run-state.ts';
import { runState } from '../model/run-state.ts';
import { carryOut } from './carry-out.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { refuseChanged } from './resume.ts';
import { runToGoOnWith } from './unfinished.ts';

/**
 * Takes an unfinished run back to where it started. A live client is asked to; a dead one is followed. With nothing in
 * progress nothing is changed, and that is a success.
 * @throws RollbackError `RUN_ENDED`, `RUN_NOT_FOUND` (exit 2), `PLAN_CHANGED` (exit 4)
 */
export async function abort(context: CommandContext, runId: string | undefined): Promise<CommandOutcome> {
  const { adapters, serviceName, emit, stop, holder } = context;
  const { store } = adapters;
  const state = await runToGoOnWith(store, serviceName, runId);
  if (!state) {
    emit({ type: 'notice', message: `No run of ${serviceName} is in progress. Nothing was changed.` });
    return { exit: EXIT.done, json: { aborted: null } };
  }
  refuseChanged(state, store.name);
  const info = await store.lease(serviceName);
  if (info?.held) return askHolder(context, state, info);
  const lease = await store.acquireLease(serviceName, holder, stop.immediate);
  const entries = await store.read(state.runId);
  for (const entry of entries) emit({ type: 'entry', entry });
  return aborted(await carryOut(context, lease, runState(entries), 'abort'));
}

/** The holder polls for the request; this waits for what it makes of it. */
async function askHolder(context: CommandContext, state: RunState, info: LeaseInfo): Promise<CommandOutcome> {
  const { adapters, clock, emit, holder, stop } = context;
  const { store } = adapters;
  const { runId } = state;
  const earlier = await store.get('abort-requests', runId);
  if (!earlier) {
    const by = `${holder.user}@${holder.host}`;
    await store.put('abort-requests', runId, { by, at: new Date(clock.now()).toISOString() }, 0);
  }
  const who = `${info.holder.user}@${info.holder.host} (process ${info.holder.pid})`;
  emit({ type: 'notice', message: `Asked ${who} to abort ${runId}; waiting for it.` });
  for (;;) {
    await clock.sleep(500, stop.immediate);
    const now = runState(await store.read(runId));
    if (now.end || now.stopped) {
      const where = now.end?.production ?? now.stopped?.production ?? '';
      emit({ type: 'notice', message: `${now.end?.why ?? now.stopped?.why ?? ''} ${where}`.trim() });
      const exit = now.end ? exitOfAbort(now) : EXIT.interrupted;
      return { exit, runId, json: now.end ?? now.stopped, next: `rollback-deploy-auto show ${runId}` };
    }
    if (!(await store.lease(state.asked.service))?.held) return abort(context, runId);
  }
}

/** Back at the start is what `abort` was asked for, though the run itself did not reach its target. */
function aborted(outcome: CommandOutcome): CommandOutcome {
  const end = (outcome.json as { end?: string } | undefined)?.end;
  if (end !== 'start' && end !== 'unchanged') return outcome;
  const { error: _, ...rest } = outcome;
  return { ...rest, exit: EXIT.done };
}

function exitOfAbort(state: RunState): CommandOutcome['exit'] {
  return state.end?.on === 'target' ? EXIT.failed : EXIT.done;
}
