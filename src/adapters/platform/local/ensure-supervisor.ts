import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, RollbackError } from '../../../model/error.ts';
import { programPath } from '../../program-path.ts';
import { canListen } from './free-port.ts';
import { logTail, rotateLog } from './log-tail.ts';
import { proxyClient } from './proxy-api.ts';
import { type ServiceFile, writeServiceFile } from './service-file.ts';
import type { SupervisorState } from './supervisor-api.ts';
import { supervisorClient } from './supervisor-client.ts';

/** Until supervisor and proxy answer, ms. */
const START_MS = 20_000;
/** A process that is ending may hold its port for a moment, ms. */
const PORT_MS = 2_000;

/**
 * Starts the supervisor of the folder and its proxy, in processes that outlive this one. Where they run, they are told
 * the configuration.
 * @returns whether it had to be started, and what runs
 * @throws RollbackError `PORT_IN_USE`, `ADDRESS_INVALID` (exit 2), `ADDRESS_IN_USE`, `SUPERVISOR_FAILED`
 */
export async function ensureSupervisor(
  dir: string,
  file: ServiceFile,
  signal: AbortSignal,
): Promise<{ started: boolean; state: SupervisorState }> {
  const client = supervisorClient(dir);
  if (await answers(() => client.state(signal), signal)) {
    await client.configure(file, signal);
    return { started: false, state: await client.state(signal) };
  }
  // Where the proxy serves, only the supervisor is gone; its address stays as it is.
  if (!(await answers(() => proxyClient(dir).state(signal), signal))) await checkAddress(file);
  await mkdir(join(dir, 'logs'), { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  await writeServiceFile(dir, file);
  const ended = await spawnSupervisor(dir);
  const until = performance.now() + START_MS;
  for (;;) {
    const state = await client.state(signal).catch((error: unknown) => {
      if (error instanceof RollbackError && error.retriable) return undefined;
      throw error;
    });
    if (state?.proxy) return { started: true, state };
    const code = ended();
    if ((code !== undefined && code !== 0) || performance.now() > until) {
      throw await notStarted(dir, file.service, state);
    }
    await wait(50, undefined, { signal });
  }
}

async function spawnSupervisor(dir: string): Promise<() => number | undefined> {
  const path = join(dir, 'logs', 'supervisor.log');
  await rotateLog(path);
  const log = openSync(path, 'a', 0o600);
  let code: number | undefined;
  try {
    const child = spawn(process.execPath, [programPath('local-supervisor'), '--dir', dir], {
      cwd: dir,
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.once('exit', (exit) => {
      code = exit ?? 1;
    });
    child.once('error', () => {
      code = 1;
    });
    child.unref();
  } finally {
    closeSync(log);
  }
  return () => code;
}

async function answers(ask: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RollbackError && error.retriable) return false;
    throw error;
  }
}

async function checkAddress({ service, host, port }: ServiceFile): Promise<void> {
  let free: boolean;
  try {
    const until = performance.now() + PORT_MS;
    do {
      free = await canListen(port, host);
      if (!free) await wait(100);
    } while (!free && performance.now() < until);
  } catch (error) {
    throw new RollbackError({
      code: 'ADDRESS_INVALID',
      summary: `The proxy of ${service} cannot listen on ${host}:${port}`,
      detail: `${(error as Error).message}.`,
      fix: 'Choose another platform.host or platform.port in rollback.yaml.',
      exit: EXIT.usage,
      cause: error,
    });
  }
  if (free) return;
  throw new RollbackError({
    code: 'PORT_IN_USE',
    summary: `Port ${port} of ${host} is in use`,
    detail: `The proxy of ${service} would listen there, and another process does.`,
    fix: 'End that process, or choose another platform.port in rollback.yaml.',
    exit: EXIT.usage,
  });
}

async function notStarted(
  dir: string,
  service: string,
  state: SupervisorState | undefined,
): Promise<RollbackError> {
  const lines = await logTail(join(dir, 'logs', 'supervisor.log'), 10);
  const said = lines.map((line) => `  ${line}`).join('\n');
  return new RollbackError({
    code: 'SUPERVISOR_FAILED',
    summary: `The local supervisor of ${service} did not start`,
    detail: `${state?.problems.join(' ') ?? 'It does not answer.'}\nIts last lines:\n${said}`,
    fix: `Look at ${join(dir, 'logs')}, then run the command again.`,
  });
}
