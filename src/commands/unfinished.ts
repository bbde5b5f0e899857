import type { StateStore } from '../adapters/store/store.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { RunState } from '../model/run-state.ts';
import { runState } from '../model/run-state.ts';
import { findRun } from './find-run.ts';

/** The service's run that has no end yet; there is at most one. */
export async function unfinishedRun(store: StateStore, service: string): Promise<RunState | undefined> {
  // The newest first: an unfinished run keeps new ones from starting, so it is the last or there is none.
  for (const runId of (await store.list()).reverse()) {
    const state = runState(await store.read(runId));
    if (state.asked.service !== service) continue;
    return state.end ? undefined : state;
  }
  return undefined;
}

/** @throws RollbackError `RUN_UNFINISHED` (exit 4) naming it and how to go on. */
export async function refuseWhileUnfinished(store: StateStore, service: string): Promise<void> {
  const state = await unfinishedRun(store, service);
  if (!state) return;
  const { runId, asked } = state;
  const lease = await store.lease(service);
  const live = lease?.held ?? false;
  const by = lease
    ? `${lease.holder.user}@${lease.holder.host} (process ${lease.holder.pid})`
    : asked.request.by;
  throw new RollbackError({
    code: live ? 'LEASE_HELD' : 'RUN_UNFINISHED',
    summary: live ? `Run ${runId} is in progress` : `Run ${runId} has not come to its end`,
    detail:
      `It takes ${service} from ${asked.from.version} to ${asked.to.version}, started by ${by} at ${state.startedAt}` +
      (live ? `, last heartbeat ${lease?.renewedAt}.` : '. Its client is gone or has stopped.'),
    production: 'This command changed nothing.',
    fix: live
      ? `Watch it: rollback-deploy-auto status\nStop it: rollback-deploy-auto abort ${runId}`
      : `Go on: rollback-deploy-auto resume ${runId}\nGo back: rollback-deploy-auto abort ${runId}`,
    exit: EXIT.refused,
  });
}

/**
 * The run that `resume` or `abort` means: the one named, or the service's unfinished one.
 * @throws RollbackError `RUN_NOT_FOUND`, `RUN_ENDED` (exit 2)
 */
export async function runToGoOnWith(
  store: StateStore,
  service: string,
  run: string | undefined,
): Promise<RunState | undefined> {
  if (run === undefined) return unfinishedRun(store, service);
  const runId = await findRun(store, run);
  const state = runState(await store.read(runId));
  if (!state.end) return state;
  throw new RollbackError({
    code: 'RUN_ENDED',
    summary: `Run ${runId} is over`,
    detail: `It ended at ${state.endedAt}. ${state.end.why}`,
    production: state.end.production,
    fix: `See what it did: rollback-deploy-auto show ${runId}`,
    exit: EXIT.usage,
  });
}
