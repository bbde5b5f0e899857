import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { registryHost } from './images.ts';
import { keptTemplate, leftBehind, withoutTemplate } from './left-behind.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig, type RigOptions } from './rig.ts';

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
/** All old pods end as soon as a new template is set, so that a version that doesn't start leaves none serving. */
const ALL_AT_ONCE = { strategy: { rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } } };

describe.skipIf(!hasCluster)('one Deployment on a cluster, by one switch', () => {
  it.each(['instant', 'blue-green'])('%s loses no request and leaves everything as it was', (strategy) =>
    withRig({}, async (rig) => {
      const template = await keptTemplate(rig, GOOD);
      const before = await rig.configured();
      const traffic = await rig.traffic();
      const load = await startedLoad(rig);
      const run = await rollBack(rig, ['--version', GOOD, '--strategy', strategy]);
      await rig.settled();
      const counted = await load.stop();
      traffic.stop();
      expect([run.exit, run.stderr]).toEqual([0, expect.anything()]);
      expect(counted.reasons).toEqual({});
      expect(Object.keys(counted.versions).sort()).toEqual([GOOD, BAD]);
      expect(traffic.fewestReady()).toBeGreaterThanOrEqual(3);
      // Once a request has been sent to the target, and the nodes have heard of the switch, none goes back.
      expect(traffic.allOnAtMs(GOOD)).toBeDefined();
      const after = await rig.configured();
      expect(after.service).toEqual(before.service);
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      expect((after.workload.spec as { template: object }).template).toEqual(template);
      expect(await leftBehind(rig)).toEqual([]);
      expect(await podVersions(rig)).toEqual([GOOD, GOOD, GOOD]);
    }),
  );
});

describe.skipIf(!hasCluster)('a start that does not serve, on a cluster', () => {
  it.each(['rolling', 'instant', 'blue-green'])(
    '%s goes forward to the target from no ready pod',
    (strategy) =>
      withRig({ versions: [GOOD], spec: ALL_AT_ONCE }, async (rig) => {
        await breakIt(rig);
        const run = await rollBack(rig, ['--version', GOOD, '--strategy', strategy]);
        expect([run.exit, run.stdout]).toEqual([0, expect.stringContaining(`Rollback to ${GOOD} completed`)]);
        await rig.settled();
        expect(await podVersions(rig)).toEqual([GOOD, GOOD, GOOD]);
        expect(await leftBehind(rig)).toEqual([]);
      }),
  );

  it('stops where its time is over with two of three healthy; both serve, and resume finishes', () =>
    withRig({ versions: [GOOD], spec: ALL_AT_ONCE }, async (rig) => {
      await rig.patchJson(rig.target, [
        { op: 'add', path: '/spec/template/spec/readinessGates', value: GATES },
      ]);
      const gates = openGates(rig, 3);
      await rig.settled();
      await gates.stop();
      await breakIt(rig);
      const two = openGates(rig, 2);
      const run = await rollBack(rig, ['--version', GOOD, '--strategy', 'rolling', '--timeout', '25']);
      await two.stop();
      expect([run.exit, run.stdout + run.stderr]).toEqual([3, expect.stringContaining('resume')]);
      expect(await ready(rig)).toBe(2);
      const load = await startedLoad(rig);
      const all = openGates(rig, 3);
      const resumed = await rig.rda(['resume', '--namespace', rig.namespace, '--yes']);
      await rig.settled();
      await all.stop();
      const counted = await load.stop();
      expect([resumed.exit, resumed.stdout + resumed.stderr]).toEqual([0, expect.anything()]);
      expect(counted.reasons).toEqual({});
      expect(await podVersions(rig)).toEqual([GOOD, GOOD, GOOD]);
      expect(await leftBehind(rig)).toEqual([]);
    }));
});

describe.skipIf(!hasCluster)('previous, on a cluster', () => {
  it('is the preceding digest, with a warning that nothing is known of its health', () =>
    withRig({}, async (rig) => {
      const run = await rollBack(rig, []);
      expect([run.exit, run.stdout]).toEqual([
        0,
        expect.stringContaining(`[WARN] ${GOOD}: no health evidence recorded`),
      ]);
      expect(run.stdout).toContain(`Rollback to ${GOOD} completed`);
      expect(await podVersions(rig)).toEqual([GOOD, GOOD, GOOD]);
    }));
});

describe.skipIf(!hasCluster)('a target that does not come up, on a cluster', () => {
  it.each([
    ['ends at once', 'v2.14.2-broken', 'rolling', /table "sessions" does not exist/],
    ['ends at once', 'v2.14.2-broken', 'instant', /table "sessions" does not exist/],
    ['is never ready', 'v2.14.2-unready', 'rolling', /0 of 1 pods healthy|not (ready|healthy)/],
  ])(
    '%s (%s, %s): production is back where it started, and the message says why',
    (_, version, strategy, why) =>
      withRig({ versions: [GOOD] }, async (rig) => {
        await failing(rig, version);
        const before = await rig.configured();
        const load = await startedLoad(rig);
        const run = await rollBack(rig, ['--version', version, '--strategy', strategy, ...EVEN_SO]);
        await rig.settled();
        const counted = await load.stop();
        expect([run.exit, run.stdout + run.stderr]).toEqual([1, expect.stringMatching(why)]);
        expect(counted.reasons).toEqual({});
        expect(Object.keys(counted.versions)).toEqual([GOOD]);
        expect(await rig.configured()).toEqual(before);
        expect(await leftBehind(rig)).toEqual([]);
        expect(await podVersions(rig)).toEqual([GOOD, GOOD, GOOD]);
      }),
  );

  it('whose image is gone is refused before anything moves', () =>
    withRig({ versions: [GOOD] }, async (rig) => {
      const gone = `${registryHost()}/rda-test/api:v2.14.2-gone`;
      await rig.kubectl(['set', 'image', rig.target, `app=${gone}`]);
      await newRevision(rig, gone);
      await rig.deploy(GOOD);
      const before = await rig.get(rig.target);
      const run = await rollBack(rig, ['--version', 'v2.14.2-gone']);
      expect([run.exit, run.stdout]).toEqual([4, expect.stringContaining('v2.14.2-gone')]);
      expect((await rig.get(rig.target)).spec).toEqual(before.spec);
    }));
});

/** Taken though it never served. */
const EVEN_SO = ['--accept', 'target', '--reason', 'it must be seen to fail'];
const GATES = [{ conditionType: 'rda-test/open' }];

async function withRig(options: RigOptions, work: (rig: KubernetesRig) => Promise<void>): Promise<void> {
  const rig = await kubernetesRig(options);
  try {
    await work(rig);
  } finally {
    await rig.dispose();
  }
}

/** In a folder whose configuration gives a pod 15 s to start. */
async function rollBack(rig: KubernetesRig, args: string[]) {
  const cwd = await mkdtemp(join(tmpdir(), 'rda-strategies-'));
  await writeFile(join(cwd, 'rollback.yaml'), configuration(rig));
  try {
    return await rig.rda([...args, '--yes', '--monitor', '0'], { cwd });
  } finally {
    await rm(cwd, { recursive: true });
  }
}

function configuration({ namespace, target }: KubernetesRig): string {
  return `services:
  api:
    platform: { kind: kubernetes, namespace: ${namespace}, workloads: [${target}], startTimeout: 15 }
    registry: { kind: distribution }
`;
}

async function startedLoad(rig: KubernetesRig) {
  const load = await rig.load();
  await until(async () => (await load.soFar()).ok > 0);
  return load;
}

/** Deploys a version that ends at once, over pods that all end. */
async function breakIt(rig: KubernetesRig): Promise<void> {
  await rig.startDeploy('v2.14.4-broken');
  await until(async () => (await ready(rig)) === 0 && (await rig.list('pods')).length >= 3);
}

/** A version that never came up, and after it the one before again. */
async function failing(rig: KubernetesRig, version: string): Promise<void> {
  const policy = { op: 'add', path: '/spec/template/spec/containers/0/terminationMessagePolicy' };
  await rig.patchJson(rig.target, [{ ...policy, value: 'FallbackToLogsOnError' }]);
  await rig.settled();
  await rig.startDeploy(version);
  await newRevision(rig, (await rig.image(version)).reference);
  await rig.deploy(GOOD);
}

async function newRevision(rig: KubernetesRig, reference: string): Promise<void> {
  await until(async () => {
    const sets = await rig.list('replicasets');
    return sets.some((set) => JSON.stringify(set.spec).includes(reference));
  });
}

/** Sets the condition that pods wait for to be ready, on the first `count` that run the good version. */
function openGates(rig: KubernetesRig, count: number) {
  let over = false;
  const open = new Set<string>();
  const work = (async () => {
    const { reference } = await rig.image(GOOD);
    while (!over) {
      const pods = await rig.list<Pod>('pods', '--selector', 'app=api');
      for (const { metadata, spec, status } of pods) {
        const passed = status.conditions?.some(({ type }) => type === 'rda-test/open');
        if (passed && metadata.deletionTimestamp === undefined) open.add(metadata.name);
        if (passed || open.size >= count || !spec.readinessGates) continue;
        if (metadata.deletionTimestamp !== undefined || spec.containers[0]?.image !== reference) continue;
        open.add(metadata.name);
        const change = { status: { conditions: [{ type: 'rda-test/open', status: 'True' }] } };
        await rig.kubectl([
          'patch',
          `pod/${metadata.name}`,
          '--subresource=status',
          '--patch',
          JSON.stringify(change),
        ]);
      }
    }
  })();
  return {
    async stop() {
      over = true;
      await work;
    },
  };
}

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { containers: { image: string }[]; readinessGates?: object[] };
  status: { conditions?: { type: string; status: string }[] };
}

async function ready(rig: KubernetesRig): Promise<number> {
  const pods = await rig.list<Pod>('pods', '--selector', 'app=api');
  return pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  ).length;
}

async function podVersions(rig: KubernetesRig): Promise<string[]> {
  return (await rig.configurations()).map(({ version }) => version);
}
