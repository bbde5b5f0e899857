import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { programPath } from '../../program-path.ts';
import type { MonitorRecord } from './platform-state.ts';
import type { Site } from './site.ts';
import {
  adoptProcess,
  endProcess,
  type ProcessEnd,
  type RunningProcess,
  spawnProcess,
} from './spawn-process.ts';

/** Exit codes with which a monitor has come to its end: resolved, regressed, not confirmed, and not to be watched at all. */
const ENDED = [0, 1, 2, 5];
const PAUSE_MS = 1_000;

/** Monitors of finished runs, kept running until each ends by itself. */
export interface KeptMonitors {
  keep(runId: string, configPath: string): Promise<void>;
  /** Goes on with those of an earlier supervisor. */
  adopt(): void;
  /** Ends all of them; they are remembered. */
  endAll(): Promise<void>;
}

export function keepMonitors(site: Site): KeptMonitors {
  const { dir, state, log } = site;
  const running = new Map<string, RunningProcess | undefined>();
  const closing = new AbortController();

  async function watch(record: MonitorRecord): Promise<void> {
    const { runId } = record;
    running.set(runId, undefined);
    let adopted =
      record.pid && record.processStart ? adoptProcess(record.pid, record.processStart) : undefined;
    while (!closing.signal.aborted) {
      try {
        const monitor = adopted ?? (await spawn(record));
        adopted = undefined;
        running.set(runId, monitor);
        const end: ProcessEnd = await monitor.ended;
        if (closing.signal.aborted) return;
        log(`monitor of ${runId} ended: ${end.signal ?? end.code ?? 'exit code not known'}`);
        if (end.code !== undefined && ENDED.includes(end.code)) break;
      } catch (error) {
        log(`monitor of ${runId} could not be started: ${(error as Error).message}`);
      }
      await wait(PAUSE_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
    if (closing.signal.aborted) return;
    running.delete(runId);
    await state.update((draft) => {
      draft.monitors = draft.monitors.filter((one) => one.runId !== runId);
    });
  }

  async function spawn({ runId, configPath }: MonitorRecord): Promise<RunningProcess> {
    const pidFile = join(dir, 'starting', `monitor-${randomBytes(4).toString('hex')}`, 'pid');
    const options = ['--service', site.service.service, '--config', configPath, '--attached-to-supervisor'];
    const monitor = await spawnProcess({
      argv: [process.execPath, programPath('cli'), 'monitor', runId, ...options],
      cwd: dirname(configPath),
      env: process.env as Record<string, string>,
      logPath: join(dir, 'logs', `monitor-${runId}.log`),
      pidFile,
    });
    await rm(dirname(pidFile), { recursive: true, force: true });
    await state.update((draft) => {
      const found = draft.monitors.find((one) => one.runId === runId);
      if (found) Object.assign(found, { pid: monitor.pid, processStart: monitor.processStart });
    });
    return monitor;
  }

  function begin(record: MonitorRecord): void {
    watch(record).catch((error: Error) => log(`monitor of ${record.runId}: ${error.message}`));
  }

  return {
    async keep(runId, configPath) {
      if (running.has(runId)) return;
      const record: MonitorRecord = { runId, configPath };
      await state.update((draft) => {
        draft.monitors = [...draft.monitors.filter((one) => one.runId !== runId), record];
      });
      begin(record);
    },
    adopt() {
      for (const record of state.value.monitors) begin(record);
    },
    async endAll() {
      closing.abort();
      await Promise.all([...running.values()].map((one) => one && endProcess(one, 5_000)));
    },
  };
}
