import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileStore } from '../../src/adapters/store/file.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { judgeEntries } from './judge-entries.ts';
import { runWorker, type Worker } from './worker-process.ts';

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'rda-processes-'));
});
afterEach(() => rm(path, { recursive: true }));

const judge = async (workers: Worker[]) =>
  judgeEntries(await fileStore({ path, clock: systemClock }).read('r-1'), workers);

it.each([2, 8])('%i processes append: no entry lost or double, every epoch once', async (processes) => {
  const each = 24 / processes;
  const workers = Array.from({ length: processes }, () => runWorker({ mode: 'append', path, count: each }));
  await Promise.all(workers.map((worker) => worker.ended));
  const { names, epochs } = await judge(workers);
  expect(names).toHaveLength(24);
  expect(epochs).toHaveLength(24);
  expect(workers.flatMap((worker) => worker.told).sort()).toEqual([...names].sort());
});

it('processes are killed in the middle: the others go on, and nothing that was told is lost', async () => {
  const doomed = [1, 3, 5].map((after) => runWorker({ mode: 'append', path, count: 1000 }, after));
  const others = Array.from({ length: 2 }, () => runWorker({ mode: 'append', path, count: 8 }));
  await Promise.all([...doomed, ...others].map((worker) => worker.ended));
  await judge([...doomed, ...others]);
  expect(others.map((worker) => worker.told.length)).toEqual([8, 8]);
});

it('processes take the run over from one that is killed', async () => {
  const workers: Worker[] = [];
  for (const killAfter of [3, 1, 7]) {
    const worker = runWorker({ mode: 'hold', path, count: 1000 }, killAfter);
    await worker.ended;
    workers.push(worker);
  }
  const { epochs } = await judge(workers);
  expect(epochs).toEqual([1, 2, 3]);
  // The heir has removed what the dead may have left.
  await runWorker({ mode: 'hold', path, count: 1 }).ended;
  expect((await readdir(join(path, 'runs/r-1'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('eight processes raise one number: no change lost', async () => {
  const workers = Array.from({ length: 8 }, () => runWorker({ mode: 'count', path, count: 6 }));
  await Promise.all(workers.map((worker) => worker.ended));
  const store = fileStore({ path, clock: systemClock });
  expect((await store.get('counter', 'c'))?.value).toBe(48);
  const kept = await readdir(join(path, 'documents/counter/c'));
  expect(
    JSON.parse(await readFile(join(path, 'documents/counter/c', kept.sort().at(-1) as string), 'utf8')).value,
  ).toBe(48);
});
