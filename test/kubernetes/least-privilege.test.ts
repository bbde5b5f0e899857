import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind, withoutTemplate } from './left-behind.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { roleWithout } from './role-without.ts';

describe.skipIf(!hasCluster)('under the very Role that "init --rbac" prints', () => {
  let rig: KubernetesRig;
  let manifest: string;
  beforeAll(async () => {
    rig = await kubernetesRig();
    manifest = (await rig.rda(['init', '--rbac', '--namespace', rig.namespace])).stdout;
  });
  afterAll(() => rig?.dispose());

  it('rolling and instant lose no request, and lack nothing', { timeout: 240_000 }, async () => {
    const { kubeconfig } = await rig.limitedUser(manifest);
    for (const [strategy, to] of [
      ['rolling', 'v2.14.3'],
      ['instant', 'v2.14.4'],
    ] as const) {
      const before = await rig.configured();
      const load = await rig.load();
      await until(async () => (await load.soFar()).ok > 0);
      const run = await rollBack(kubeconfig, to, strategy);
      await rig.settled();
      const counted = await load.stop();
      expect([run.exit, run.stdout]).toEqual([0, expect.stringContaining(`Rollback to ${to} completed`)]);
      expect(counted.reasons).toEqual({});
      expect(await rightsOf(kubeconfig)).toEqual(['ok']);
      const after = await rig.configured();
      expect(after.service).toEqual(before.service);
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      expect(await leftBehind(rig)).toEqual([]);
    }
  });

  it.each([
    ['services', 'patch'],
    ['pods', 'patch'],
    ['deployments', 'patch'],
    ['replicasets', 'patch'],
  ])(
    'without the right to %s %s it is refused before anything has moved, and named',
    async (resource, verb) => {
      const name = `no-${resource}-${verb}`;
      const { kubeconfig } = await rig.limitedUser(roleWithout(manifest, resource, verb, name), { name });
      const before = [await rig.get(rig.target), await rig.get(`service/${rig.service}`)];
      const current = (await rig.configurations())[0]?.version;
      const to = current === 'v2.14.3' ? 'v2.14.4' : 'v2.14.3';
      const run = await rollBack(kubeconfig, to, 'rolling');
      expect([run.exit, run.stdout]).toEqual([4, expect.stringMatching(new RegExp(`${verb} ${resource}`))]);
      const after = [await rig.get(rig.target), await rig.get(`service/${rig.service}`)];
      expect(after.map(({ spec, metadata }) => [spec, metadata.generation, metadata.annotations])).toEqual(
        before.map(({ spec, metadata }) => [spec, metadata.generation, metadata.annotations]),
      );
    },
  );

  function rollBack(kubeconfig: string, to: string, strategy: string) {
    const asked = ['--version', to, '--strategy', strategy, '--yes', '--monitor', '0'];
    return rig.rda([rig.target, '--namespace', rig.namespace, ...asked], { env: { KUBECONFIG: kubeconfig } });
  }

  /** What the newest run's record says of rights. */
  async function rightsOf(kubeconfig: string): Promise<string[]> {
    const shown = await rig.rda(['history', rig.target, '--namespace', rig.namespace, '--output', 'json'], {
      env: { KUBECONFIG: kubeconfig },
    });
    const [newest] = JSON.parse(shown.stdout) as { checks: { check: string; status: string }[] }[];
    return (newest?.checks ?? []).filter(({ check }) => check === 'rights').map(({ status }) => status);
  }
});
