import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/model/record.ts';
import { keptTemplate, leftBehind, withoutTemplate } from './left-behind.ts';
import type { LoadOptions, LoadResult } from './load.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig, type RigOptions } from './rig.ts';
import type { ProcessResult } from './run-process.ts';

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
/** `npm run matrix` does ten in a row. */
const ROLLBACKS = Number(process.env.ROLLBACKS ?? (process.env.MATRIX === 'all' ? 10 : 2));

describe.skipIf(!hasCluster)('rolling on a cluster, with pods that end at once on SIGTERM', () => {
  let rig: KubernetesRig;
  beforeAll(async () => {
    rig = await kubernetesRig();
  });
  afterAll(() => rig?.dispose());

  it('loses none of 300 new connections a second, there and back, and leaves everything as it was', {
    timeout: ROLLBACKS * 60_000,
  }, async () => {
    for (let n = 0; n < ROLLBACKS; n++) {
      const [from, to] = n % 2 === 0 ? [BAD, GOOD] : [GOOD, BAD];
      const template = await keptTemplate(rig, to);
      const before = await rig.configured();
      const traffic = await rig.traffic();
      const { run, load } = await underLoad(rig, {}, () => rollBack(rig, to));
      traffic.stop();
      if (MATRIX) console.log(`${from} -> ${to}: ${load.failed} of ${load.sent} failed, ${run.wallMs} ms`);
      expect(load.reasons).toEqual({});
      expect(load.sent).toBeGreaterThan(1000);
      expect(Object.keys(load.versions).sort()).toEqual([from, to].sort());
      expect(traffic.fewestReady()).toBeGreaterThanOrEqual(3);
      expect(run.stdout).toContain(`Rollback to ${to} completed`);

      const after = await rig.configured();
      expect(after.service).toEqual(before.service);
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      expect((after.workload.spec as { template: object }).template).toEqual(template);
      expect(await leftBehind(rig)).toEqual([]);
      expect(await podVersions(rig)).toEqual([to, to, to]);
    }
  });
});

describe.skipIf(!hasCluster)('rolling on a cluster', () => {
  it('loses no request with one pod', () => losesNone({ replicas: 1 }));

  it('loses no request with ten pods', { timeout: 240_000 }, () => losesNone({ replicas: 10 }));

  it(
    'loses no request with seven pods, three at a time, and takes none out without one that comes in',
    {
      timeout: 180_000,
    },
    () =>
      withRig({ replicas: 7 }, async (rig) => {
        const traffic = await rig.traffic();
        await losesNoneIn(rig, {}, ['--batch', '3']);
        traffic.stop();
        expect(traffic.fewestReady()).toBeGreaterThanOrEqual(7);
      }),
  );

  it('loses no request where the quota has room for one pod more', () =>
    withRig({}, async (rig) => {
      await rig.kubectl(['create', 'quota', 'q', '--hard', 'pods=4']);
      await until(async () => {
        const { stdout } = await rig.kubectl(['get', 'resourcequota', 'q', '-o', 'json']);
        return JSON.parse(stdout).status?.used?.pods === '3';
      });
      await losesNoneIn(rig, {});
    }));

  it.each(['counter', 'gauge'])('loses none of the requests that take two seconds, drained by %s', (how) =>
    withRig({ env: how === 'gauge' ? { GAUGE: '1' } : {} }, async (rig) => {
      await losesNoneIn(rig, { rate: 100, path: '/?ms=2000' });
      const shown = await rig.rda(['show', 'last', rig.target, '-n', rig.namespace, '--output', 'json']);
      expect((JSON.parse(shown.stdout) as RunRecord).drained?.how).toEqual([how]);
    }),
  );

  // Such connections stay in use until the pod is told to end, so each drain lasts to its bound.
  it.each([
    ['by SIGTERM', true],
    ['by a preStop hook, and exits at once on SIGTERM', false],
  ])(
    'loses no request of keep-alive connections where the application closes them when told %s',
    { timeout: 300_000 },
    (_, grace) =>
      withRig({ grace, image: TELLS }, async (rig) => {
        if (!grace) await tellByHook(rig);
        await losesNoneIn(rig, { mode: 'keep-alive' });
      }),
  );

  it('cuts no WebSocket where the application closes them when told', () =>
    withRig({ grace: true }, async (rig) => {
      const { load } = await underLoad(rig, { mode: 'websocket', rate: 150 }, (cwd) =>
        rollBack(rig, GOOD, cwd),
      );
      expect(load.told).toBeGreaterThanOrEqual(30);
      expect(load.cut).toBe(0);
      // What is said in the moment in which the other side says that it goes has no answer.
      expect(Object.keys(load.reasons).filter((reason) => !reason.endsWith('ended with 1001'))).toEqual([]);
      expect(await leftBehind(rig)).toEqual([]);
    }));

  it('waits to its bound where nobody closes connections that are in use, cuts them then, and says so', () =>
    withRig({}, async (rig) => {
      const port = '/spec/ports/0/appProtocol';
      await rig.patchJson(`service/${rig.service}`, [{ op: 'add', path: port, value: 'kubernetes.io/ws' }]);
      const { run, load } = await underLoad(rig, { mode: 'keep-alive' }, (cwd) => rollBack(rig, GOOD, cwd));
      expect(run.stdout).toContain('[WARN] deployment/api seems to hold long connections');
      const said = /is still busy after 3 s: (what is open is|\d+ connections are) cut/g;
      expect(run.stderr.match(said)).toHaveLength(3);
      const shown = await rig.rda(['show', 'last', rig.target, '-n', rig.namespace, '--output', 'json']);
      const { drained } = JSON.parse(shown.stdout) as RunRecord;
      expect(drained?.longestMs).toBeGreaterThanOrEqual(3_000);
      expect(load.failed).toBeGreaterThan(0);
      // No more than there were, each once for every pod that it led to.
      expect(load.failed).toBeLessThanOrEqual(30 * 3);
      if (drained?.how.includes('connections')) {
        expect(drained).toMatchObject({ how: ['connections'], unseen: 0 });
        expect(drained.cut).toBeGreaterThanOrEqual(load.failed);
        expect(drained.cut).toBeLessThanOrEqual(30 * 3);
        expect(run.stdout).toContain(`\nConnections cut: ${drained.cut}.`);
      } else {
        // Where no program can be run in a pod, as where a node's name is not known to the API server.
        expect(drained).toMatchObject({ how: ['counter'], cut: 0, unseen: 3 });
        expect(run.stdout).toContain('\nConnections cut: not known: those of 3 pods could not be seen.');
      }
      expect(await leftBehind(rig)).toEqual([]);
    }));
});

const MATRIX = process.env.MATRIX === 'all';
/** A node keeps the images that it has by their tags: what an earlier application did when told must not be tested. */
const TELLS = { repository: 'rda-test/api-tells' };

type LoadWish = Partial<LoadOptions> & { path?: string };

async function withRig(options: RigOptions, work: (rig: KubernetesRig) => Promise<void>): Promise<void> {
  const rig = await kubernetesRig(options);
  try {
    await work(rig);
  } finally {
    await rig.dispose();
  }
}

function losesNone(options: RigOptions, wish: LoadWish = {}): Promise<void> {
  return withRig(options, (rig) => losesNoneIn(rig, wish));
}

async function losesNoneIn(rig: KubernetesRig, wish: LoadWish, options: string[] = []): Promise<void> {
  const { load } = await underLoad(rig, wish, (cwd) => rollBack(rig, GOOD, cwd, options));
  expect(load.reasons).toEqual({});
  expect(load.sent).toBeGreaterThan(300);
  expect(Object.keys(load.versions).sort()).toEqual([GOOD, BAD]);
  expect(await leftBehind(rig)).toEqual([]);
  expect(new Set(await podVersions(rig))).toEqual(new Set([GOOD]));
}

/** A hook that tells the application that its connections are to end, and lasts until they have. */
async function tellByHook(rig: KubernetesRig): Promise<void> {
  const asked = "await (await fetch('http://127.0.0.1:8080/drain')).json()";
  // The one that asks is one of them.
  const script = `(async () => { while ((${asked}).connections > 1) await new Promise((go) => setTimeout(go, 50)); })()`;
  const command = ['/usr/local/bin/node', '-e', script];
  const path = '/spec/template/spec/containers/0/lifecycle';
  await rig.patchJson(rig.target, [{ op: 'add', path, value: { preStop: { exec: { command } } } }]);
  await rig.settled();
  for (const version of [GOOD, BAD]) await rig.deploy(version);
}

/** Load from before the run until its end, in a folder whose configuration bounds a drain to 3 s. */
async function underLoad(
  rig: KubernetesRig,
  { path = '', ...wish }: LoadWish,
  work: (cwd: string) => Promise<ProcessResult>,
): Promise<{ run: ProcessResult; load: LoadResult }> {
  const cwd = await mkdtemp(join(tmpdir(), 'rda-rolling-'));
  await writeFile(join(cwd, 'rollback.yaml'), configuration(rig));
  const load = await rig.load({ ...wish, url: `${rig.url}${path}` });
  try {
    await until(async () => (await load.soFar()).ok > 0);
    const run = await work(cwd);
    return { run, load: await load.stop() };
  } finally {
    await load.stop();
    await rm(cwd, { recursive: true });
  }
}

function configuration({ namespace, target }: KubernetesRig): string {
  return `services:
  api:
    platform:
      kind: kubernetes
      namespace: ${namespace}
      workloads: [${target}]
      drainTimeout: 3
    registry: { kind: distribution }
    health: { path: /healthz }
`;
}

/** @throws unless it ends on the target */
async function rollBack(
  rig: KubernetesRig,
  version: string,
  cwd?: string,
  options: string[] = [],
): Promise<ProcessResult> {
  const selection = cwd ? [] : [rig.target, '-n', rig.namespace];
  const args = [...selection, '--version', version, '--strategy', 'rolling', '--yes', '--monitor', '0'];
  const run = await rig.rda([...args, ...options], { cwd });
  if (run.exit !== 0) throw new Error(`The rollback ended with ${run.exit}\n${run.stdout}\n${run.stderr}`);
  return run;
}

async function podVersions(rig: KubernetesRig): Promise<string[]> {
  return (await rig.configurations()).map(({ version }) => version);
}
