import { EXIT } from '../model/error.ts';
import type { MonitorResult, RunRecord } from '../model/record.ts';
import type { CommandContext, CommandOutcome, StopSignals } from './context.ts';
import { monitor } from './monitor.ts';

/**
 * Watches a run that has just ended, in this process, where the platform has nobody who does; else returns at once.
 * @param stop Called as the watch begins; the first signal then leaves it.
 * @returns the run's own outcome; where the watch found it regressed, a run that was done is not confirmed (exit 5).
 */
export async function watchHere(
  context: CommandContext,
  outcome: CommandOutcome,
  stop: () => StopSignals,
): Promise<CommandOutcome> {
  const { adapters, emit } = context;
  const { runId } = outcome;
  if (runId === undefined || adapters.platform.startMonitor) return outcome;
  const watching = (await adapters.store.get<RunRecord>('records', runId))?.value.monitor;
  if (watching?.state !== 'watching') return outcome;
  emit({
    type: 'notice',
    message: `Watching here until ${watching.until}; Ctrl-C leaves the watch, and the release as it is.`,
  });
  const watched = await monitor({ ...context, stop: stop() }, runId, { attachedToSupervisor: false });
  const { state } = watched.json as MonitorResult;
  if (watched.exit === EXIT.interrupted)
    emit({ type: 'notice', message: `Left. To go on watching: rollback-deploy-auto monitor ${runId}` });
  const regressed = state === 'regressed' && outcome.exit === EXIT.done;
  return { ...outcome, exit: regressed ? EXIT.unconfirmed : outcome.exit };
}
