import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rbacManifest } from '../../src/kubernetes/rbac.ts';
import { DEFAULT_FEATURES } from '../../src/kubernetes/right-features.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

if (!hasCluster) console.warn('SKIPPED: events on workloads. Set KUBECONFIG and REGISTRY to run it.');

describe.skipIf(!hasCluster)('"kubectl describe" of a workload', () => {
  let rig: KubernetesRig;
  beforeAll(async () => {
    rig = await kubernetesRig({ replicas: 2 });
  });
  afterAll(() => rig?.dispose());

  const run = (to: string, strategy: string, env: Record<string, string> = {}) =>
    rig.rda(
      [rig.target, '-n', rig.namespace, '--version', to, '--strategy', strategy, '--yes', '--monitor', '0'],
      { env },
    );
  const runIdOf = (stderr: string) => /plan (r-\d{8}-\d{6}-\w{4})/.exec(stderr)?.[1];
  /** Reasons and messages of the product's own events, as `kubectl describe` prints them. */
  async function story(runId: string | undefined): Promise<string[]> {
    const { stdout } = await rig.kubectl(['describe', 'deployment', 'api']);
    return stdout
      .slice(stdout.indexOf('Events:'))
      .split('\n')
      .filter((line) => line.includes('rollback-deploy-auto ') && line.includes(`${runId}`))
      .map((line) => line.replace(/^\s*Normal\s+(\w+)\s+.*?rollback-deploy-auto\s+/, '$1: '));
  }

  test('tells where a rolling rollback went', async () => {
    const { exit, stderr } = await run('v2.14.3', 'rolling');
    expect({ exit, stderr }).toMatchObject({ exit: 0 });
    const id = runIdOf(stderr);
    expect(await story(id)).toEqual([
      `RollbackStarted: Run ${id}: rolling back from v2.14.4 to v2.14.3`,
      `RollbackFinished: Run ${id}: all pods are of v2.14.3`,
    ]);
  });

  test('tells when all traffic was switched', async () => {
    const { exit, stderr } = await run('v2.14.4', 'instant');
    expect({ exit, stderr }).toMatchObject({ exit: 0 });
    const id = runIdOf(stderr);
    expect(await story(id)).toEqual([
      `RollbackStarted: Run ${id}: rolling back from v2.14.3 to v2.14.4`,
      `TrafficSwitched: Run ${id}: all traffic of api goes to v2.14.4`,
      `RollbackFinished: Run ${id}: all pods are of v2.14.4`,
    ]);
  });

  test('tells that it went back to where it started', async () => {
    const broken = await rig.image('v2.14.5-broken');
    await rig.kubectl(['set', 'image', rig.target, `app=${broken.reference}`]);
    await rig.kubectl(['rollout', 'undo', rig.target]);
    await rig.settled();
    const { exit, stderr } = await run('v2.14.5-broken', 'rolling');
    expect({ exit, stderr }).toMatchObject({ exit: 1 });
    const id = runIdOf(stderr);
    expect(await story(id)).toEqual([
      `RollbackStarted: Run ${id}: rolling back from v2.14.4 to v2.14.5-broken`,
      `RollbackReturned: Run ${id}: back on v2.14.4, where it started`,
    ]);
  });

  test('tells nothing without the right to; the rollback says so once and goes on', async () => {
    const features = DEFAULT_FEATURES.filter((feature) => feature !== 'events');
    const user = await rig.limitedUser(rbacManifest({ namespace: rig.namespace, features }));
    const { exit, stderr } = await run('v2.14.3', 'instant', { KUBECONFIG: user.kubeconfig });
    expect({ exit, stderr }).toMatchObject({ exit: 0 });
    expect(stderr.match(/no event is written/g)).toHaveLength(1);
    expect(await story(runIdOf(stderr))).toEqual([]);
  });
});
