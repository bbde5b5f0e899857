import type { MonitorResult } from '../model/record.ts';
import type { CommandContext } from './context.ts';
import { updateRecord } from './records.ts';

/**
 * Begins to watch a finished run: the record says so first, then a process that outlives this one is started. Where the
 * platform has none, whoever called does it (see `watchHere`).
 */
export async function startMonitoring(
  context: CommandContext,
  runId: string,
  seconds: number,
): Promise<void> {
  const { adapters, clock, emit, statePath, renderRecord } = context;
  const now = clock.now();
  const watching: MonitorResult = {
    state: 'watching',
    since: new Date(now).toISOString(),
    until: new Date(now + seconds * 1000).toISOString(),
    lookedAt: undefined,
    requests: 0,
    errors: 0,
    errorRate: undefined,
    p95Ms: undefined,
    notes: [],
  };
  await updateRecord(adapters.store, statePath, runId, renderRecord, (record) => ({
    ...record,
    monitor: watching,
  }));
  if (!adapters.platform.startMonitor) return;
  await adapters.platform.startMonitor(runId, context.stop.immediate);
  emit({
    type: 'notice',
    message: `Watching until ${watching.until}: rollback-deploy-auto monitor ${runId}`,
  });
}
