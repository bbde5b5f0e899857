import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { processStart } from '../src/adapters/platform/local/process-identity.ts';
import { watchSupervisor } from '../src/adapters/platform/local/proxy-watch.ts';
import { removeFolder, serviceFolder, until } from './local-proxy-rig.ts';

let dir: string;
let log: string[];

beforeEach(async () => {
  dir = await serviceFolder([]);
  log = [];
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});

afterEach(async () => {
  vi.useRealTimers();
  await removeFolder(dir);
});

/** A supervisor that says it was started, and ends; its pid and start time are those of this process or of none. */
async function writeSupervisor(alive: boolean): Promise<string> {
  const started = join(dir, 'started');
  const start = processStart(process.pid);
  expect(start).toBeDefined();
  const supervisor = {
    pid: process.pid,
    processStart: alive ? start : `${start}0`,
    argv: [process.execPath, '-e', `require('fs').appendFileSync(${JSON.stringify(started)}, 'started\\n')`],
  };
  await writeFile(join(dir, 'supervisor.json'), JSON.stringify(supervisor));
  return started;
}

it('leaves a living supervisor alone', async () => {
  await writeSupervisor(true);
  const end = watchSupervisor(dir, (line) => log.push(line));
  vi.advanceTimersByTime(60_000);
  end();
  expect(existsSync(join(dir, 'logs'))).toBe(false);
  expect(log).toEqual([]);
});

it('waits at least 3 s after a start, then longer each time', async () => {
  const started = await writeSupervisor(false);
  const end = watchSupervisor(dir, (line) => log.push(line));
  // At 0.5, 3.5 and 9.5 s; the next would be at 21.5 s.
  vi.advanceTimersByTime(21_000);
  end();
  vi.useRealTimers();
  const text = await until(
    () => (existsSync(started) ? readFile(started, 'utf8') : ''),
    (lines) => lines.split('\n').length > 3,
  );
  expect(text).toBe('started\n'.repeat(3));
  expect(log.filter((line) => line.startsWith('supervisor'))).toHaveLength(3);
});

it('tells once of a file that it cannot read, and goes on', async () => {
  await writeFile(join(dir, 'supervisor.json'), '{');
  const end = watchSupervisor(dir, (line) => log.push(line));
  vi.advanceTimersByTime(5_000);
  end();
  expect(log).toHaveLength(1);
  expect(log[0]).toContain('cannot read supervisor.json');
});
