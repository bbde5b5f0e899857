import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { rotateLog } from './log-tail.ts';
import { isAlive, processStart } from './process-identity.ts';

/** How a process ended; both undefined where that is not known (it was adopted). */
export interface ProcessEnd {
  code?: number;
  signal?: string;
}

/** A process that outlives this one. */
export interface RunningProcess {
  pid: number;
  processStart: string;
  /** Resolves when it has ended. Never rejects. */
  ended: Promise<ProcessEnd>;
}

export interface SpawnRequest {
  /** Program and arguments; never a secret. */
  argv: string[];
  cwd: string;
  env: Record<string, string>;
  /** Appended to. */
  logPath: string;
  /** In a folder of its own that is there only for this spawn. */
  pidFile: string;
}

const POLL_MS = 200;

/**
 * The process notes its own pid before it becomes the program, so that a supervisor killed between spawning it and
 * noting the pid finds it; where the folder is gone it ends instead, so that what was given up never runs.
 */
const SCRIPT = 'echo $$ > "$1.tmp" && mv "$1.tmp" "$1" && shift && exec "$@"';

/** Starts a process of its own session; resolves once it has noted its pid. @throws the system's error where it can't be spawned at all */
export async function spawnProcess(request: SpawnRequest): Promise<RunningProcess> {
  await mkdir(dirname(request.logPath), { recursive: true, mode: 0o700 });
  await mkdir(dirname(request.pidFile), { recursive: true, mode: 0o700 });
  await rotateLog(request.logPath);
  const log = openSync(request.logPath, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', request.pidFile, ...request.argv], {
      cwd: request.cwd,
      env: request.env,
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code: code ?? undefined, signal: signal ?? undefined }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  child.unref();
  const pid = child.pid as number;
  let over = false;
  void ended.then(() => {
    over = true;
  });
  // Only then may the folder be taken away.
  while (!over && !existsSync(request.pidFile)) await wait(2);
  // A process that has ended already still is known by its pid until its end was collected; then there is no start.
  return { pid, processStart: processStart(pid) ?? 'ended', ended };
}

/** A process that somebody else started; undefined where it no longer runs. */
export function adoptProcess(pid: number, start: string): RunningProcess | undefined {
  if (!isAlive(pid, start)) return undefined;
  const ended = (async () => {
    while (isAlive(pid, start)) await wait(POLL_MS, undefined, { ref: false });
    return {};
  })();
  return { pid, processStart: start, ended };
}

/**
 * The process of a spawn that was cut off before its pid was known; undefined where there is none, and then there
 * never will be.
 * @param mark a variable of its environment, `NAME=value`, that no other process has
 */
export async function findSpawned(pidFile: string, mark: string): Promise<RunningProcess | undefined> {
  const pid = await readPid(pidFile);
  // From here on it can no longer note its pid, and ends instead of running.
  await rm(dirname(pidFile), { recursive: true, force: true });
  if (pid === undefined) return undefined;
  const start = processStart(pid);
  if (start === undefined || !(await hasMark(pid, mark))) return undefined;
  return adoptProcess(pid, start);
}

/** SIGTERM, and SIGKILL to its whole group once `graceMs` are over. Resolves when it has ended. */
export async function endProcess(running: RunningProcess, graceMs: number): Promise<void> {
  const { pid, processStart: start, ended } = running;
  if (isAlive(pid, start)) signal(pid, 'SIGTERM');
  const over = new AbortController();
  const late = wait(graceMs, 'late' as const, { signal: over.signal }).catch(() => 'over' as const);
  const first = await Promise.race([ended, late]);
  over.abort();
  if (first === 'late' && isAlive(pid, start)) {
    signal(-pid, 'SIGKILL');
    await ended;
  }
}

/** Ends what a process left behind in its group. To be called right after it ended, before its pid can be used again. */
export function endGroup(pid: number): void {
  signal(-pid, 'SIGKILL');
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone already; macOS says EPERM of a group that only zombies are left of.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && !(code === 'EPERM' && pid < 0)) throw error;
  }
}

async function readPid(pidFile: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Only Linux shows another process's environment; elsewhere the pid that was just noted is believed. */
async function hasMark(pid: number, mark: string): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  try {
    for (let looks = 0; looks < 100; looks++) {
      const environment = await readFile(join('/proc', String(pid), 'environ'), 'utf8');
      if (environment !== '') return environment.split('\0').includes(mark);
      // For a moment, while it becomes the program, a process has none.
      await wait(5);
    }
    return false;
  } catch (error) {
    // Gone, or somebody else's.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return false;
    throw error;
  }
}
