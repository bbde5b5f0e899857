import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { programPath } from '../../program-path.ts';
import { logTail } from './log-tail.ts';
import { isAlive } from './process-identity.ts';
import type { ProxyClient } from './proxy-api.ts';
import { adoptProcess, endProcess, type RunningProcess, spawnProcess } from './spawn-process.ts';

const LONGEST_PAUSE_MS = 1_000;
const ANSWER_MS = 1_000;

/** The proxy, kept running. */
export interface WatchedProxy {
  /** Why it does not run, a sentence each; empty where it does. */
  problems(): string[];
  /** Lets it finish what is in flight, for up to `graceMs`; resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Takes over the proxy that runs, or starts one, and starts it again at once whenever it has ended.
 * @param running called each time one has answered
 */
export function watchProxy(
  dir: string,
  client: ProxyClient,
  log: (line: string) => void,
  running: () => void,
): WatchedProxy {
  const logPath = join(dir, 'logs', 'proxy.log');
  const closing = new AbortController();
  let process: RunningProcess | undefined;
  let problem: string | undefined;
  const watching = watch();

  async function watch(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; ) {
      process = (await adopted(client)) ?? (await spawned(dir, logPath, log));
      if (process && (await answers(process, client))) {
        failures = 0;
        problem = undefined;
        log(`proxy runs as process ${process.pid}`);
        running();
        await process.ended;
        if (!closing.signal.aborted) log('proxy ended, starting it again');
        continue;
      }
      failures++;
      const lines = await logTail(logPath, 1).catch(() => []);
      problem = `The proxy does not start: ${lines[0] ?? 'it printed nothing'}`;
      log(problem);
      const pause = Math.min(100 * 2 ** failures, LONGEST_PAUSE_MS);
      await wait(pause, undefined, { signal: closing.signal }).catch(() => {});
    }
  }

  return {
    problems: () => (problem ? [problem] : []),
    async stop(graceMs) {
      closing.abort();
      await client
        .shutdown(graceMs)
        .catch((error: Error) => log(`proxy not asked to stop: ${error.message}`));
      if (process) await ended(process, graceMs + 2_000);
      await watching;
    },
  };
}

/** The one that answers on the socket, whoever started it. */
async function adopted(client: ProxyClient): Promise<RunningProcess | undefined> {
  const seen = await client.state(AbortSignal.timeout(ANSWER_MS)).catch(() => undefined);
  return seen && adoptProcess(seen.pid, seen.processStart);
}

async function spawned(
  dir: string,
  logPath: string,
  log: (line: string) => void,
): Promise<RunningProcess | undefined> {
  const pidFile = join(dir, 'starting', `proxy-${randomBytes(4).toString('hex')}`, 'pid');
  try {
    const argv = [globalThis.process.execPath, programPath('local-proxy'), '--dir', dir];
    // It may have to start a supervisor again, and that one resolves secrets from the environment.
    const env = globalThis.process.env as Record<string, string>;
    return await spawnProcess({ argv, cwd: dir, env, logPath, pidFile });
  } catch (error) {
    log(`proxy cannot be spawned: ${(error as Error).message}`);
    return undefined;
  } finally {
    await rm(dirname(pidFile), { recursive: true, force: true });
  }
}

/** Whether it came to answer before it ended. */
async function answers({ pid, processStart }: RunningProcess, client: ProxyClient): Promise<boolean> {
  while (isAlive(pid, processStart)) {
    const seen = await client.state(AbortSignal.timeout(ANSWER_MS)).catch(() => undefined);
    if (seen?.pid === pid) return true;
    await wait(20);
  }
  return false;
}

async function ended(running: RunningProcess, graceMs: number): Promise<void> {
  const over = new AbortController();
  const late = wait(graceMs, 'late' as const, { signal: over.signal }).catch(() => 'over' as const);
  const first = await Promise.race([running.ended, late]);
  over.abort();
  if (first === 'late') await endProcess(running, 1_000);
}
