import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { RollbackError } from '../../../model/error.ts';
import { openPlatformState } from './platform-state.ts';
import { isAlive } from './process-identity.ts';
import { proxyClient } from './proxy-api.ts';
import { readServiceFile } from './service-file.ts';
import type { SupervisorState } from './supervisor-api.ts';
import { supervisorClient } from './supervisor-client.ts';

/** How long a supervisor may take that the proxy is starting again, ms. */
const RETURN_MS = 6_000;

/**
 * Ends the service of the folder: what is in flight is finished, then proxy, instances and supervisor end.
 * @param startAgain starts a supervisor where only what it started is left
 * @returns what ran; undefined where nothing did
 * @throws RollbackError `STILL_RUNNING` naming the processes that did not end in time
 */
export async function endSupervisor(
  dir: string,
  startAgain: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<SupervisorState | undefined> {
  if (!(await stat(dir).catch(() => undefined))) return undefined;
  const client = supervisorClient(dir);
  let state = await stateOf(dir, signal);
  if (!state) {
    if (!(await somethingRuns(dir, signal))) return undefined;
    await startAgain();
    state = await client.state(signal);
  }
  const { drainTimeoutMs, stopTimeoutMs } = await readServiceFile(dir);
  await client.shutdown(signal);
  const until = performance.now() + drainTimeoutMs + stopTimeoutMs + 15_000;
  const processes = [
    { pid: state.pid, start: state.processStart, name: 'supervisor' },
    ...(await openPlatformState(dir)).value.instances.flatMap(({ id, pid, processStart: start }) =>
      pid && start ? [{ pid, start, name: id }] : [],
    ),
  ];
  for (;;) {
    const left = processes.filter(({ pid, start }) => isAlive(pid, start));
    if (left.length === 0) return state;
    if (performance.now() > until) {
      throw new RollbackError({
        code: 'STILL_RUNNING',
        summary: 'Not everything has ended',
        detail: `Still running: ${left.map(({ name, pid }) => `${name} (process ${pid})`).join(', ')}.`,
        fix: `Look at ${join(dir, 'logs', 'supervisor.log')}.`,
      });
    }
    await wait(50, undefined, { signal });
  }
}

/** undefined where no supervisor answers, and none is being started. */
async function stateOf(dir: string, signal: AbortSignal): Promise<SupervisorState | undefined> {
  const until = performance.now() + RETURN_MS;
  for (;;) {
    try {
      return await supervisorClient(dir).state(signal);
    } catch (error) {
      if (!(error instanceof RollbackError) || !error.retriable) throw error;
      if (performance.now() > until || !(await proxyAnswers(dir, signal))) return undefined;
      await wait(100, undefined, { signal });
    }
  }
}

async function somethingRuns(dir: string, signal: AbortSignal): Promise<boolean> {
  const { instances, monitors } = (await openPlatformState(dir)).value;
  const alive = [...instances, ...monitors].some(
    ({ pid, processStart }) => pid !== undefined && isAlive(pid, processStart ?? ''),
  );
  return alive || (await proxyAnswers(dir, signal));
}

async function proxyAnswers(dir: string, signal: AbortSignal): Promise<boolean> {
  try {
    await proxyClient(dir).state(signal);
    return true;
  } catch (error) {
    if (error instanceof RollbackError) return false;
    throw error;
  }
}
