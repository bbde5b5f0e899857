import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findSpawned, spawnProcess } from '../src/adapters/platform/local/spawn-process.ts';
import { serves } from '../src/model/facts.ts';
import { type LocalRig, localRig, until } from './local-platform-rig.ts';

const never = new AbortController().signal;

async function facts(rig: LocalRig) {
  return (await rig.context()).adapters.platform.facts(never);
}

async function supervisorPid(rig: LocalRig): Promise<number> {
  return JSON.parse(await readFile(join(rig.dir, 'supervisor.json'), 'utf8')).pid;
}

async function pids(rig: LocalRig): Promise<(number | undefined)[]> {
  return (await rig.client.state()).instances.map((one) => one.pid);
}

function answers(rig: LocalRig): Promise<boolean> {
  return rig.client.state().then(
    () => true,
    () => false,
  );
}

describe('what dies', () => {
  let rig: LocalRig;
  beforeAll(async () => {
    rig = await localRig();
    await rig.start();
    await rig.deploy('v1');
  });
  afterAll(() => rig.close());

  test('the supervisor: no request is lost, and the next one takes over what runs', async () => {
    const load = rig.load(150);
    await load.started;
    const before = await pids(rig);
    const killed = await supervisorPid(rig);
    process.kill(killed, 'SIGKILL');
    // Whoever asks meanwhile waits for the next one.
    const seen = await facts(rig);
    expect(await supervisorPid(rig)).not.toBe(killed);
    expect(seen.instances.filter(serves)).toHaveLength(3);
    expect(await pids(rig)).toEqual(before);
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.failed).toBe(0);
  });

  test('the supervisor, again and again, while a release is deployed: it still comes to serve, no request lost', async () => {
    const load = rig.load();
    await load.started;
    let deployed = false;
    const deploying = rig.deploy('v2').finally(() => {
      deployed = true;
    });
    let kills = 0;
    while (!deployed && kills < 4) {
      await until(async () => deployed || (await answers(rig)));
      if (deployed) break;
      await wait(150);
      process.kill(await supervisorPid(rig), 'SIGKILL');
      kills++;
    }
    await deploying;
    expect(kills).toBeGreaterThan(1);
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    const seen = await facts(rig);
    expect(seen.current).toBe('r2');
    expect(seen.instances.map((one) => one.id).sort()).toEqual(['shop-r2-1', 'shop-r2-2', 'shop-r2-3']);
  });

  test('the proxy: it serves again, and what was lost is counted', async () => {
    const slow = [1, 2, 3].map(() =>
      rig.get('/?ms=5000').then(
        () => 'answered',
        () => 'lost',
      ),
    );
    await until(
      async () => (await facts(rig)).instances.reduce((sum, one) => sum + (one.inFlight ?? 0), 0) === 3,
    );
    const proxy = (await rig.client.state()).proxy;
    process.kill(proxy?.pid as number, 'SIGKILL');
    await until(() =>
      rig.get('/').then(
        () => true,
        () => false,
      ),
    );
    expect(await Promise.all(slow)).toEqual(['lost', 'lost', 'lost']);
    const after = (await rig.client.state()).proxy;
    expect(after?.pid).not.toBe(proxy?.pid);
    expect(after?.lost).toMatchObject({ restarts: 1, requests: 3 });
  });

  test('an instance: it is started again and serves again, and the crash is evidence', async () => {
    const victim = (await rig.client.state()).instances[0];
    process.kill(victim?.pid as number, 'SIGKILL');
    await until(async () => {
      const now = (await rig.client.state()).instances.find((one) => one.id === victim?.id);
      return now?.state === 'ready' && now.pid !== victim?.pid;
    });
    const seen = await facts(rig);
    expect(seen.instances.filter(serves)).toHaveLength(3);
    expect(seen.releases.find((one) => one.id === 'r2')?.evidence.crashes).toBe(1);
  });

  test('everything at once: start brings back what served', async () => {
    const { proxy, instances } = await rig.client.state();
    const all = [await supervisorPid(rig), proxy?.pid, ...instances.map((one) => one.pid)];
    for (const pid of all) process.kill(pid as number, 'SIGKILL');
    await until(async () => (await facts(rig).catch((error) => error)).code === 'PLATFORM_UNREACHABLE');
    expect((await rig.start()).json).toMatchObject({ started: true, serving: 3 });
    expect((await rig.get('/')).text).toMatch(/^v2 /);
  });

  test('of many supervisors that start at once, one stays', async () => {
    await rig.stop();
    const exits = Array.from({ length: 5 }, () => {
      const argv = [resolve('dist/local-supervisor.js'), '--dir', rig.dir];
      const child = spawn(process.execPath, argv, { detached: true, stdio: 'ignore' });
      return new Promise<number | null>((done) => child.once('exit', done));
    });
    const codes: (number | null)[] = [];
    for (const exit of exits) void exit.then((code) => codes.push(code));
    await until(() => codes.length === 4);
    expect(codes).toEqual([0, 0, 0, 0]);
    await until(() => answers(rig));
  });
});

describe('what an instance gets', () => {
  let rig: LocalRig;
  beforeAll(async () => {
    process.env.RDA_TEST_KEY = 'first-value';
    rig = await localRig({
      // So long that no socket could lie in it.
      name: `rda-${'long-'.repeat(20)}`,
      instances: 1,
      configuration: `    configuration:
      environment: { COLOUR: green }
      files: [config/app.json]
      secrets: { KEY: { env: RDA_TEST_KEY }, TOKEN: { file: token.txt } }
`,
    });
    await mkdir(join(rig.folder, 'config'));
    await writeFile(join(rig.folder, 'config', 'app.json'), '{"a":1}');
    await writeFile(join(rig.folder, 'token.txt'), 'hidden-token\n');
    await rig.start();
  });
  afterAll(async () => {
    await rig.close();
    delete process.env.RDA_TEST_KEY;
  });

  test('variables, files and secrets; and nothing of the secrets is on disk', async () => {
    await rig.deploy('v1');
    const env = async (name: string) => (await rig.get(`/env?name=${name}`)).text;
    expect(await env('COLOUR')).toBe('green');
    expect(await env('KEY')).toBe('first-value');
    expect(await env('TOKEN')).toBe('hidden-token');
    expect(await env('INSTANCE')).toBe('shop-r1-1');
    expect(await env('RELEASE_VERSION')).toBe('v1');
    expect(await env('VITEST')).toBe('');
    expect((await rig.get('/file')).text).toBe('{"a":1}');
    expect(await textsBelow(join(rig.folder, '.rollback'))).not.toMatch(/first-value|hidden-token/);
  });

  test("an older release gets its own snapshot back, and the client's secrets of today", async () => {
    await writeFile(join(rig.folder, 'config', 'app.json'), '{"a":2}');
    await rig.deploy('v2');
    expect((await rig.get('/file')).text).toBe('{"a":2}');
    process.env.RDA_TEST_KEY = 'second-value';
    await rig.move({ kind: 'start', slots: [1], release: 'r1' }, 50);
    await rig.move({ kind: 'admit', slots: [1], release: 'r1' }, 50);
    await rig.move({ kind: 'drain', slots: [1], release: 'r2' }, 50);
    expect((await rig.get('/file')).text).toBe('{"a":1}');
    expect((await rig.get('/env?name=KEY')).text).toBe('second-value');
  });

  test('a configuration that is not complete is not deployed', async () => {
    await writeFile(join(rig.folder, 'token.txt'), '');
    await rename(join(rig.folder, 'token.txt'), join(rig.folder, 'token.gone'));
    await expect(rig.deploy('v3')).rejects.toMatchObject({
      code: 'CONFIGURATION_MISSING',
      detail: 'Missing: the secret TOKEN (file:token.txt).',
      exit: 2,
    });
  });
});

test('a port that is in use is told before anything is started', async () => {
  const rig = await localRig();
  const server = createServer().listen(rig.port, '127.0.0.1');
  try {
    await expect(rig.start()).rejects.toMatchObject({ code: 'PORT_IN_USE', exit: 2 });
  } finally {
    await new Promise((done) => server.close(done));
    await rig.close();
  }
});

test('a process that was spawned and not noted is found by what it noted itself', async () => {
  const rig = await localRig();
  try {
    const pidFile = join(rig.folder, 'starting', 'one', 'pid');
    const logPath = join(rig.folder, 'logs', 'one.log');
    const env = { INSTANCE: rig.folder };
    const spawned = await spawnProcess({
      argv: ['/bin/sleep', '60'],
      cwd: rig.folder,
      env,
      logPath,
      pidFile,
    });
    const found = await findSpawned(pidFile, `INSTANCE=${rig.folder}`);
    expect(found?.pid).toBe(spawned.pid);
    expect(await findSpawned(pidFile, `INSTANCE=${rig.folder}`)).toBeUndefined();
    process.kill(spawned.pid, 'SIGKILL');
    expect(await spawned.ended).toEqual({ code: undefined, signal: 'SIGKILL' });
  } finally {
    await rig.close();
  }
});

async function textsBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return (await Promise.all(files.map((file) => readFile(file, 'latin1')))).join('\n');
}
