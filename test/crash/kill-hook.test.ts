import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runWorker } from '../store/worker-process.ts';

const module = join(import.meta.dirname, 'kill-hook.mjs');
let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'rda-kill-'));
});
afterEach(() => rm(path, { recursive: true }));

/** Entries that a worker left which writes `planned`, `leased` and three `started` under the hook. */
async function entriesAfter(
  env: Record<string, string>,
): Promise<{ numbers: string[]; signal: string | null }> {
  const worker = runWorker({ mode: 'hold', path, count: 3 }, undefined, { module, env });
  await worker.ended;
  const names = await readdir(join(path, 'runs/r-1'));
  return {
    numbers: names.filter((name) => name.endsWith('.json')).sort(),
    signal: worker.child.signalCode,
  };
}

it('counts the writes, with what they are', async () => {
  const file = join(path, 'count');
  const { numbers, signal } = await entriesAfter({ KILL_COUNT_FILE: file });
  const lines = (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(signal).toBeNull();
  expect(numbers).toHaveLength(5);
  expect(lines.map(({ n, type, step }) => [n, type, step?.replace(/^\d+/, 'PID')])).toEqual([
    [1, 'planned', undefined],
    [2, 'leased', undefined],
    [3, 'started', 'PID-0'],
    [4, 'started', 'PID-1'],
    [5, 'started', 'PID-2'],
  ]);
  expect(lines[0].path).toBe(join(path, 'runs/r-1/000001.json'));
});

it.each([1, 2, 3, 4, 5])('kills before and after write %i', async (n) => {
  const before = await entriesAfter({ KILL_AT: String(n), KILL_WHEN: 'before' });
  expect(before).toMatchObject({ signal: 'SIGKILL' });
  expect(before.numbers).toHaveLength(n - 1);
  await rm(join(path, 'runs'), { recursive: true });
  const after = await entriesAfter({ KILL_AT: String(n), KILL_WHEN: 'after' });
  expect(after).toMatchObject({ signal: 'SIGKILL' });
  expect(after.numbers).toHaveLength(n);
});

it('matches other writes where asked to', async () => {
  const worker = runWorker({ mode: 'hold', path, count: 3 }, undefined, {
    module,
    env: { KILL_AT: '1', KILL_WHEN: 'after', KILL_MATCH: 'leases/' },
  });
  await worker.ended;
  expect(worker.child.signalCode).toBe('SIGKILL');
  expect((await readdir(path)).sort()).toEqual(['leases']);
});

it('leaves children of the process alone', async () => {
  const script = join(path, 'parent.mjs');
  await writeFile(
    script,
    `import { fork, spawnSync } from 'node:child_process';
     const names = ['KILL_AT', 'KILL_WHEN', 'KILL_MATCH', 'KILL_COUNT_FILE', 'NODE_OPTIONS'];
     if (process.argv[2] === 'child') process.send(names.filter((name) => name in process.env));
     else fork(process.argv[1], ['child']).on('message', (seen) => console.log(JSON.stringify(seen)));`,
  );
  const { stdout } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: `--import ${module}`, KILL_AT: '1', KILL_WHEN: 'after' },
  });
  expect(JSON.parse(stdout)).toEqual([]);
});

it('refuses settings that would kill nothing', () => {
  const run = (env: Record<string, string>) =>
    spawnSync(process.execPath, ['--import', module, '-e', '0'], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
  expect(run({ KILL_AT: 'x' }).stderr).toContain('KILL_AT is "x"');
  expect(run({ KILL_AT: '1', KILL_WHEN: 'during' }).stderr).toContain('KILL_WHEN is "during"');
  expect(run({}).status).toBe(0);
});
