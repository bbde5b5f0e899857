import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'tsdown';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { proxyClient } from '../src/adapters/platform/local/proxy-api.ts';
import {
  type App,
  ask,
  removeFolder,
  serviceFolder,
  startApp,
  until,
  untilState,
} from './local-proxy-rig.ts';

let built: string;
let app: App;
let dir: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'proxy-build-'));
  await build({
    config: false,
    entry: { 'local-proxy': resolve('src/adapters/platform/local/proxy.ts') },
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outDir: built,
    fixedExtension: false,
    dts: false,
    logLevel: 'warn',
  });
  await writeFile(join(built, 'package.json'), '{"type":"module"}');
});

afterAll(async () => {
  await rm(built, { recursive: true, force: true });
});

beforeEach(async () => {
  app = await startApp('shop-r1-1', 'r1');
  dir = await serviceFolder([app.backend]);
});

afterEach(async () => {
  for (const child of running) await kill(child);
  await app.close();
  await removeFolder(dir);
});

/** A proxy process that answers; its port is kept for the next one. */
async function startProcess(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(built, 'local-proxy.js'), '--dir', dir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  let log = '';
  child.stderr?.on('data', (chunk) => {
    log += chunk;
  });
  await until(
    () => log,
    (text) => {
      if (child.exitCode !== null) throw new Error(`the proxy ended: ${text}`);
      return text.includes('listening on');
    },
  );
  const { port, pid } = await proxyClient(dir).state();
  expect(pid).toBe(child.pid);
  await writeFile(join(dir, 'proxy.json'), JSON.stringify({ host: '127.0.0.1', port }));
  return { child, port };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

it('counts exactly what a SIGKILL lost, and serves again at once with the routes it had', async () => {
  const { child, port } = await startProcess();
  for (let i = 0; i < 7; i++) await ask(port, '/');
  await untilState(dir, (state) => state.backends[0]?.inFlight === 0);
  const cut = Array.from({ length: 5 }, () =>
    ask(port, '/slow').then(
      () => 'answered',
      (error) => error.code,
    ),
  );
  await untilState(dir, (state) => state.backends[0]?.inFlight === 5);
  await kill(child);
  expect(await Promise.all(cut)).toEqual(Array(5).fill('ECONNRESET'));

  const again = await startProcess();
  expect(again.port).toBe(port);
  expect((await ask(port, '/')).status).toBe(200);
  const state = await untilState(dir, (now) => now.backends[0]?.inFlight === 0);
  expect(state.lost).toMatchObject({ restarts: 1, requests: 5, last: { requests: 5 } });
  expect(state.backends[0]).toMatchObject({ inFlight: 0, total: 1 });
  expect((await proxyClient(dir).totals()).r1?.requests).toBe(8);

  await kill(again.child);
  await startProcess();
  expect((await proxyClient(dir).state()).lost).toMatchObject({
    restarts: 2,
    requests: 5,
    last: { requests: 0 },
  });
});

it('adds up to exactly the requests sent, over kills between and within seconds', async () => {
  const since = Date.now() - 1;
  let sent = 0;
  for (let round = 0; round < 4; round++) {
    const { child, port } = await startProcess();
    for (let i = 0; i < 20 + round; i++) {
      await ask(port, i % 10 === 0 ? '/fail' : '/');
      sent++;
    }
    if (round === 2) await proxyClient(dir).traffic('r1', since, Date.now());
    await untilState(dir, (state) => state.backends[0]?.inFlight === 0);
    await kill(child);
  }
  // A line that the crash of a machine tore: its counts are still in the totals.
  const [day] = await readdir(join(dir, 'traffic'));
  await appendFile(join(dir, 'traffic', day as string), '{"t":17');
  await startProcess();
  const client = proxyClient(dir);
  const window = await client.traffic('r1', since, Date.now());
  const errors = 2 + 3 + 3 + 3;
  expect(window).toMatchObject({ requests: sent, errors });
  expect(window.latency.counts.reduce((sum, count) => sum + count, 0)).toBe(sent - errors);
  expect(window.p95Ms).toBeGreaterThanOrEqual(window.p50Ms ?? Number.NaN);
  expect((await client.totals()).r1).toMatchObject({ requests: sent, errors });
  expect(await client.traffic('r1', Date.now(), Date.now() + 1000)).toMatchObject({ requests: 0 });
  const unknown = await client.traffic('r9', since, Date.now());
  expect([unknown.requests, unknown.p95Ms]).toEqual([0, undefined]);
});

it('ends with 0 when shut down, and leaves nothing that looks like a loss', async () => {
  const { child, port } = await startProcess();
  await ask(port, '/');
  await untilState(dir, (state) => state.backends[0]?.inFlight === 0);
  const exited = once(child, 'exit');
  await proxyClient(dir).shutdown();
  expect(await exited).toEqual([0, null]);
  expect(existsSync(join(dir, 'proxy.sock'))).toBe(false);
  await startProcess();
  expect((await proxyClient(dir).state()).lost).toEqual({ restarts: 0, requests: 0 });
});

it('counts as lost what it had to cut off when shut down', async () => {
  const { child, port } = await startProcess();
  const slow = ask(port, '/slow').catch((error) => error.code);
  await untilState(dir, (state) => state.backends[0]?.inFlight === 1);
  const exited = once(child, 'exit');
  await proxyClient(dir).shutdown(0);
  expect(await exited).toEqual([0, null]);
  expect(await slow).toBe('ECONNRESET');
  await startProcess();
  expect((await proxyClient(dir).state()).lost).toMatchObject({ restarts: 1, requests: 1 });
});

it('does not take over the counts of a proxy that still serves', async () => {
  const { port } = await startProcess();
  const slow = ask(port, '/slow');
  await untilState(dir, (state) => state.backends[0]?.inFlight === 1);
  const second = spawn(process.execPath, [join(built, 'local-proxy.js'), '--dir', dir], { stdio: 'ignore' });
  expect(await once(second, 'exit')).toEqual([1, null]);
  expect(await proxyClient(dir).state()).toMatchObject({
    backends: [{ inFlight: 1 }],
    lost: { restarts: 0, requests: 0 },
  });
  app.letGo();
  expect((await slow).status).toBe(200);
});

it('starts a supervisor again that is gone', async () => {
  await startProcess();
  const { pid, processStart } = await proxyClient(dir).state();
  const started = join(dir, 'started');
  const argv = [process.execPath, '-e', `require('fs').writeFileSync(${JSON.stringify(started)}, 'yes')`];
  // The same pid with another start time is another process.
  await writeFile(
    join(dir, 'supervisor.json'),
    JSON.stringify({ pid, processStart: `${processStart}0`, argv }),
  );
  await until(
    () => existsSync(started),
    (exists) => exists,
  );
});
