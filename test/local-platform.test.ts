import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serves } from '../src/model/facts.ts';
import { type LocalRig, localRig, processesBelow, until } from './local-platform-rig.ts';

const never = new AbortController().signal;

async function facts(rig: LocalRig) {
  return (await rig.context()).adapters.platform.facts(never);
}

describe('one service from start to stop', () => {
  let rig: LocalRig;
  beforeAll(async () => {
    rig = await localRig();
  });
  afterAll(() => rig.close());

  test('before it is started, facts say how to start it', async () => {
    await expect(facts(rig)).rejects.toMatchObject({
      code: 'PLATFORM_UNREACHABLE',
      summary: 'The local supervisor of shop is not running',
      fix: 'Start it: rollback-deploy-auto local start',
      exit: 2,
    });
  });

  test('starts once, and says so when asked again', async () => {
    const first = await rig.start();
    expect(first.json).toMatchObject({ started: true, serving: 0, url: `http://127.0.0.1:${rig.port}` });
    const again = await rig.start();
    expect(again.json).toMatchObject({ started: false });
    expect((again.json as { supervisor: number }).supervisor).toBe(
      (first.json as { supervisor: number }).supervisor,
    );
    expect((await stat(join(rig.dir, 'supervisor.sock'))).mode & 0o777).toBe(0o600);
    expect((await stat(rig.dir)).mode & 0o777).toBe(0o700);
  });

  test('the first deployment serves', async () => {
    await rig.deploy('v1');
    const seen = await facts(rig);
    expect(seen).toMatchObject({ current: 'r1', desired: 3, target: 'local/shop' });
    expect(
      seen.instances
        .filter(serves)
        .map((one) => one.id)
        .sort(),
    ).toEqual(['shop-r1-1', 'shop-r1-2', 'shop-r1-3']);
    expect((await rig.get('/')).text).toMatch(/^v1 shop-r1-[123]$/);
  });

  test('the next one takes its place with no request lost', async () => {
    const load = rig.load();
    await load.started;
    await rig.deploy('v2');
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.failed).toBe(0);
    expect(report.versions.v1?.answered).toBeGreaterThan(0);
    expect(report.versions.v2?.answered).toBeGreaterThan(0);
    const seen = await facts(rig);
    expect(seen.current).toBe('r2');
    expect(seen.instances.map((one) => one.release)).toEqual(['r2', 'r2', 'r2']);
    const evidence = seen.releases.find((one) => one.id === 'r1')?.evidence;
    // And the one of the test before.
    expect(evidence?.requests).toBe((report.versions.v1?.answered ?? 0) + 1);
    expect(evidence?.startMs).toBeGreaterThan(0);
  });

  test('a release that crashes at start is taken away, with what it printed', async () => {
    const load = rig.load();
    await load.started;
    const error = await rig.deploy('v3', 'crash').catch((caught) => caught);
    expect(error).toMatchObject({ code: 'INSTANCE_CRASHED', summary: 'shop-r3-1 crashed at start', exit: 1 });
    expect(error.detail).toContain('exit code 7');
    expect(error.detail).toContain('Cannot find table "sessions"');
    expect((await load.stop()).failed).toBe(0);
    const seen = await facts(rig);
    expect(seen.current).toBe('r2');
    expect(seen.instances.filter(serves)).toHaveLength(3);
    expect(seen.releases.map((one) => one.id)).toEqual(['r2', 'r1']);
  });

  test('one that crashes in the second slot is taken back from the first, with no request lost', async () => {
    const load = rig.load();
    await load.started;
    await expect(rig.deploy('v4', 'crash-in-slot-2')).rejects.toMatchObject({ code: 'INSTANCE_CRASHED' });
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    const seen = await facts(rig);
    expect(
      seen.instances
        .filter(serves)
        .map((one) => one.id)
        .sort(),
    ).toEqual(['shop-r2-1', 'shop-r2-2', 'shop-r2-3']);
    expect(seen.instances).toHaveLength(3);
  });

  test('one that never gets healthy is told apart from one that crashes', async () => {
    await rig.context();
    const error = await rig.deploy('v5', 'sick').catch((caught) => caught);
    expect(error).toMatchObject({
      code: 'INSTANCE_NOT_HEALTHY',
      summary: 'shop-r5-1 was not healthy within 8 s',
    });
    expect(error.detail).toContain('503 Service Unavailable; expected 200');
  });

  test('a canary serves beside the current release', async () => {
    await rig.deploy('v6', 'good', { canary: 1 });
    const seen = await facts(rig);
    expect(seen).toMatchObject({ current: 'r2', canary: 'r6' });
    expect(seen.instances.filter(serves)).toHaveLength(4);
    await expect(rig.deploy('v7', 'good', { canary: 1 })).rejects.toMatchObject({
      code: 'CANARY_IN_PROGRESS',
    });
    await rig.deploy('v7');
    expect(await facts(rig)).toMatchObject({ current: 'r7', canary: undefined });
  });

  test('stop leaves nothing running; start brings back what served', async () => {
    expect((await rig.stop()).json).toMatchObject({ stopped: true, instances: 3 });
    expect(await processesBelow(rig.dir)).toEqual([]);
    expect((await rig.stop()).json).toMatchObject({ stopped: false });
    expect((await rig.start()).json).toMatchObject({ started: true, serving: 3 });
    expect((await rig.get('/')).text).toMatch(/^v7 /);
    expect((await facts(rig)).releases.find((one) => one.id === 'r7')?.evidence.crashes).toBe(0);
  });
});

describe('steps', () => {
  let rig: LocalRig;
  beforeAll(async () => {
    rig = await localRig({ instances: 2 });
    await rig.start();
    await rig.deploy('v1');
    await rig.deploy('v2');
  });
  afterAll(() => rig.close());
  const epoch = 100;

  test('roll back by hand with no request lost', async () => {
    const load = rig.load(150);
    await load.started;
    for (const slot of [1, 2]) {
      await rig.move({ kind: 'start', slots: [slot], release: 'r1' }, epoch);
      await rig.move({ kind: 'admit', slots: [slot], release: 'r1' }, epoch);
      const [drained] = await rig.move({ kind: 'drain', slots: [slot], release: 'r2' }, epoch);
      expect(drained).toMatchObject({ cut: 0 });
      await rig.move({ kind: 'stop', slots: [slot], release: 'r2' }, epoch);
    }
    await rig.move({ kind: 'set-current', release: 'r1' }, epoch);
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    const seen = await facts(rig);
    expect(seen.current).toBe('r1');
    expect(seen.instances.map((one) => one.id)).toEqual(['shop-r1-1', 'shop-r1-2']);
  });

  test('a drain waits for what is in flight, and a stop before it is over is refused', async () => {
    const slow = ['/?ms=1200', '/?ms=1200', '/?ms=1200', '/?ms=1200'].map((path) => rig.get(path));
    await until(async () => (await facts(rig)).instances.every((one) => (one.inFlight ?? 0) > 0));
    const draining = rig.move({ kind: 'drain', slots: [1], release: 'r1' }, epoch);
    await until(async () => (await facts(rig)).instances[0]?.state === 'draining');
    await expect(rig.client.stop({ epoch, id: 'shop-r1-1', force: true })).rejects.toMatchObject({
      code: 'STILL_IN_FLIGHT',
      retriable: true,
    });
    const [drained] = (await draining) as [{ inFlightAtStart: number; drainedMs: number; cut: number }];
    expect(drained.inFlightAtStart).toBeGreaterThan(0);
    expect(drained.drainedMs).toBeGreaterThan(0);
    expect(drained.cut).toBe(0);
    for (const { status } of await Promise.all(slow)) expect(status).toBe(200);
    expect((await facts(rig)).instances[0]?.state).toBe('drained');
  });

  test('the last one that serves is not drained', async () => {
    await expect(rig.move({ kind: 'drain', slots: [2], release: 'r1' }, epoch)).rejects.toMatchObject({
      code: 'LAST_SERVING',
    });
    await rig.move({ kind: 'admit', slots: [1], release: 'r1' }, epoch);
    expect((await facts(rig)).instances.filter(serves)).toHaveLength(2);
  });

  test('what is still in flight when the drain time is over is cut off, and counted', async () => {
    // What is no GET is not sent to another instance instead.
    const ask = (method: string) => fetch(`http://127.0.0.1:${rig.port}/?ms=6000`, { method });
    const slow = Promise.all([1, 2, 3, 4].map(() => ask('POST').then(({ status }) => status)));
    await until(async () => (await facts(rig)).instances.every((one) => (one.inFlight ?? 0) > 0));
    const [drained] = (await rig.move({ kind: 'drain', slots: [2], release: 'r1' }, epoch)) as [
      { cut: number },
    ];
    expect(drained.cut).toBeGreaterThan(0);
    await rig.move({ kind: 'stop', slots: [2], release: 'r1' }, epoch);
    expect((await slow).filter((status) => status !== 200)).toHaveLength(drained.cut);
  });

  test('a switch moves all traffic at once, and the old set is kept warm until its time is over', async () => {
    const load = rig.load(150);
    await load.started;
    await Promise.all([1, 2].map((slot) => rig.move({ kind: 'start', slots: [slot], release: 'r2' }, epoch)));
    await rig.move({ kind: 'switch', to: 'r2', slots: [1, 2] }, epoch);
    expect((await rig.get('/')).text).toMatch(/^v2 /);
    await rig.move({ kind: 'drain', slots: [1], release: 'r1' }, epoch);
    await rig.move({ kind: 'keep-warm', slots: [1], release: 'r1', ms: 60_000 }, epoch);
    expect((await facts(rig)).instances.find((one) => one.id === 'shop-r1-1')?.warmUntil).toBeDefined();
    // Claimed again before its time is over, it is not ended any more.
    await rig.move({ kind: 'start', slots: [1], release: 'r1' }, epoch);
    expect((await facts(rig)).instances.find((one) => one.id === 'shop-r1-1')?.warmUntil).toBeUndefined();
    await rig.move({ kind: 'drain', slots: [1], release: 'r1' }, epoch);
    await rig.move({ kind: 'keep-warm', slots: [1], release: 'r1', ms: 1 }, epoch);
    await until(async () => (await facts(rig)).instances.every((one) => one.release === 'r2'));
    expect((await load.stop()).failures).toEqual([]);
  });

  test('a lower epoch than the highest seen is refused', async () => {
    await rig.client.setCurrent({ epoch: epoch + 1, release: 'r2', canary: null });
    await expect(rig.client.drain({ epoch, id: 'shop-r2-1' })).rejects.toMatchObject({ code: 'STALE_EPOCH' });
    expect((await facts(rig)).instances.every((one) => one.inRotation)).toBe(true);
  });

  test('a change of the current release by somebody else is a conflict', async () => {
    const { adapters } = await rig.context();
    const [planned] = adapters.platform.expand(
      { id: 'm', after: [], kind: 'start', slots: [1], release: 'r1' },
      { ...(await facts(rig)), current: 'r1' },
    );
    const { stepContext } = await import('./local-platform-rig.ts');
    const step = adapters.platform.steps()['start-instance'];
    const seen = await step?.observe(planned?.input as never, stepContext(epoch + 1));
    expect(seen).toMatchObject({ state: 'conflict' });
    await expect(step?.apply(planned?.input as never, stepContext(epoch + 1))).rejects.toMatchObject({
      code: 'PRECONDITION',
    });
  });
});
