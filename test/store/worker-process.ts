import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll } from 'vitest';
import { bundle } from './bundle.ts';
import type { WorkerTask } from './worker.ts';

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rda-worker-'));
  script = await bundle('test/store/worker.ts', folder);
});
afterAll(() => rm(folder, { recursive: true }));

export interface Worker {
  child: ChildProcess;
  /** Names of entries that it was told are durable. */
  told: string[];
  /** Resolves when it has ended, by itself or by a signal; rejects where it failed. */
  ended: Promise<void>;
}

/**
 * Starts a worker in a process of its own.
 * @param killAfter SIGKILLs it after it has told so many entries.
 * @param preload Module for `--import`, with environment.
 */
export function runWorker(
  task: WorkerTask,
  killAfter = Number.POSITIVE_INFINITY,
  preload?: { module: string; env: Record<string, string> },
): Worker {
  const args = [...(preload ? ['--import', preload.module] : []), script, JSON.stringify(task)];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...preload?.env },
  });
  const told: string[] = [];
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  createInterface(child.stdout).on('line', (line) => {
    told.push(line);
    if (told.length === killAfter) child.kill('SIGKILL');
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`The worker exited ${code}: ${errors}`);
  });
  return { child, told, ended };
}

/** Name of the file that a writer leaves which is killed before its entry is linked. */
export async function deadWriterName(): Promise<string> {
  const path = await mkdtemp(join(folder, 'dead-'));
  const hook = join(import.meta.dirname, '../crash/kill-hook.mjs');
  const env = { KILL_AT: '1', KILL_WHEN: 'before' };
  const worker = runWorker({ mode: 'hold', path, count: 1 }, undefined, { module: hook, env });
  await worker.ended;
  const left = (await readdir(join(path, 'runs/r-1'))).find((name) => name.endsWith('.tmp'));
  if (left === undefined) throw new Error('The killed writer left no file.');
  return left;
}
