import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HAS_POSTGRESQL } from './databases/postgresql.ts';
import { freePort } from './free-port.ts';

const DEMO = new URL('../scripts/demo.mjs', import.meta.url).pathname;
/** The demo's folder for temporary files: what it leaves there, or runs from there, was left over. */
let temporary: string;

beforeEach(async () => {
  // Short, as the path of a socket is.
  temporary = await mkdtemp(join(tmpdir(), 'rd-'));
});
afterEach(() => rm(temporary, { recursive: true, force: true }));

function start(
  args: string[] = [],
  env: Record<string, string> = {},
): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, [DEMO, '--no-build', ...args], {
    env: { ...process.env, TMPDIR: temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      output += text;
    });
  }
  return { child, output: () => output };
}

async function expectNothingLeft(): Promise<void> {
  expect(await readdir(temporary)).toEqual([]);
  const left: string[] = [];
  for (const pid of process.platform === 'linux' ? await readdir('/proc') : []) {
    if (!/^\d+$/.test(pid)) continue;
    const [cwd, command] = [
      await readlink(`/proc/${pid}/cwd`).catch(() => ''),
      await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
    ];
    if (cwd.startsWith(temporary) || command.includes(temporary)) left.push(`${pid} ${command}`);
  }
  expect(left).toEqual([]);
}

test('the demo rolls back under load, no request fails, and nothing is left', {
  timeout: 180_000,
}, async () => {
  const { child, output } = start();
  const [code] = await once(child, 'close');
  expect(output()).toContain('Rollback to v2.14.3 completed in');
  expect(output()).toContain('failed 0 (refused 0, reset 0, timed out 0, proxy 5xx 0, v2.14.3 errors 0)');
  expect(output()).toMatch(/v2\.14\.4's own injected faults: [1-9]\d*, counted apart/);
  expect(code).toBe(0);
  await expectNothingLeft();
});

test('a destructive migration is refused, then taken back with the rollback; with PostgreSQL where it is installed', {
  timeout: 180_000,
}, async () => {
  // The server's account must come to its folder.
  await chmod(temporary, 0o711);
  const { child, output } = start(['--destructive', ...(HAS_POSTGRESQL ? ['--database', 'postgresql'] : [])]);
  const [code] = await once(child, 'close');
  expect(output()).toContain('[FAIL] 1 destructive migration between v2.14.3 and v2.14.4');
  expect(output()).toContain('Rollback to v2.14.3 refused by migrations (REFUSED)');
  expect(output()).toContain('[OK] Taking back 1 migration works on the restored copy');
  expect(output()).toContain('Rollback to v2.14.3 completed in');
  expect(output()).toContain('failed 0 (refused 0');
  expect(code).toBe(0);
  await expectNothingLeft();
});

test('a server that does not answer is said, without its password', async () => {
  const url = `postgresql://shop:Not-to-be-seen@127.0.0.1:${await freePort()}/postgres`;
  const { child, output } = start(['--database', 'postgresql'], { DEMO_DATABASE_URL: url });
  const [code] = await once(child, 'close');
  expect(output()).toContain('On the server of DEMO_DATABASE_URL no database can be made');
  expect(output()).not.toContain('Not-to-be-seen');
  expect(code).toBe(1);
  await expectNothingLeft();
});

test('ended in the middle it leaves nothing', { timeout: 120_000 }, async () => {
  const { child, output } = start();
  const closed = once(child, 'close');
  await expect.poll(output, { timeout: 60_000, interval: 50 }).toContain('v2.14.3 serves');
  child.kill('SIGINT');
  const [code] = await closed;
  expect(code).toBe(130);
  await expectNothingLeft();
});
