import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leftBehind } from './left-behind.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { killedOnceItSays } from './run-process.ts';

const GOOD = 'v2.14.3';
const CANARY = 'v2.14.4';
const CANARY_TARGET = 'deployment/api-canary';

describe.skipIf(!hasCluster)('a canary Deployment beside a stable one, behind one Service', () => {
  let rig: KubernetesRig;
  beforeEach(async () => {
    rig = await kubernetesRig({ versions: [GOOD], labels: { track: 'stable' }, selector: { app: 'api' } });
    await rig.add({
      name: 'api-canary',
      app: 'api',
      labels: { track: 'canary' },
      versions: [CANARY],
      replicas: 2,
    });
  });
  afterEach(() => rig?.dispose());

  it('leaves without a failed request, and the stable pods are not touched', async () => {
    const before = await rig.configured();
    const stable = await podNames(rig, 'track=stable');
    const load = await rig.load();
    await until(async () => CANARY in (await load.soFar()).versions);
    const run = await rig.rda(argumentsFor(rig));
    // Later ones tell whether anything still goes to the canary.
    const atEnd = (await load.soFar()).sent;
    await until(async () => (await load.soFar()).sent > atEnd + 300);
    const end = await load.stop();
    expect(run.stderr + run.stdout).toContain(`Rollback to ${GOOD} completed`);
    expect(run.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(Object.keys(end.versions).sort()).toEqual([GOOD, CANARY]);
    expect(end.versions[CANARY]?.lastSentAtMs).toBeLessThan(end.endedAtMs - 500);
    expect(await replicas(rig)).toBe(0);
    expect(await podNames(rig, 'track=stable')).toEqual(stable);
    expect(await rig.configured()).toEqual(before);
    expect(await leftBehind(rig)).toEqual([]);
  });

  it('comes back with its count where the run is aborted once it is gone', async () => {
    const before = await rig.get(CANARY_TARGET);
    const load = await rig.load();
    await until(async () => CANARY in (await load.soFar()).versions);
    await killedOnceItSays(await rig.startRda(argumentsFor(rig)), /scale-workload:\S+ done/);
    expect(await replicas(rig)).toBe(0);
    const aborted = await rig.rda(['abort', rig.target, '-n', rig.namespace, '--yes']);
    const end = await load.stop();
    expect(aborted.stderr + aborted.stdout).not.toContain('conflict');
    expect(aborted.exit).toBe(0);
    expect(end.reasons).toEqual({});
    expect(await replicas(rig)).toBe(2);
    await rig.settled(CANARY_TARGET);
    expect(await podNames(rig, 'track=canary')).toHaveLength(2);
    expect((await rig.get<Deployment>(CANARY_TARGET)).spec).toEqual((before as unknown as Deployment).spec);
    expect(await leftBehind(rig)).toEqual([]);
  });

  it('is not taken for the stable one: what the canary makes is no target', async () => {
    const run = await rig.rda([
      rig.target,
      '-n',
      rig.namespace,
      '--version',
      CANARY,
      '--strategy',
      'rolling',
      '--yes',
      '--monitor',
      '0',
    ]);
    expect(run.exit).toBe(2);
    expect(run.stderr).toContain('runs as a canary');
    expect(await replicas(rig)).toBe(2);
  });
});

interface Deployment {
  spec: { replicas: number };
}

function argumentsFor({ target, namespace }: KubernetesRig): string[] {
  return [target, '-n', namespace, '--strategy', 'canary', '--version', GOOD, '--yes', '--monitor', '0'];
}

async function replicas(rig: KubernetesRig): Promise<number> {
  return (await rig.get<Deployment>(CANARY_TARGET)).spec.replicas;
}

async function podNames(rig: KubernetesRig, selector: string): Promise<string[]> {
  const pods = await rig.list('pods', '--selector', selector);
  return pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name)
    .sort();
}
