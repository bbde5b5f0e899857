import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keptTemplate, leftBehind, withoutTemplate } from './left-behind.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

if (!hasCluster) console.warn('SKIPPED: what lost runs leave. Set KUBECONFIG and REGISTRY to run it.');

/** The client is killed once it has said this. */
interface Moment {
  strategy: 'rolling' | 'instant';
  says: RegExp;
}

const MOMENTS: Moment[] = [
  { strategy: 'rolling', says: /hold-traffic:deployment\/api done/ },
  { strategy: 'rolling', says: /drain-pods:deployment\/api:1\/3:\w+ started/ },
  { strategy: 'rolling', says: /stop-pods:deployment\/api:2\/3:\w+ started/ },
  { strategy: 'instant', says: /start-pods:deployment\/api:1-3\/3:\w+ started/ },
  { strategy: 'instant', says: /switch-selector:\S+ done/ },
];

describe.skipIf(!hasCluster)('a client that is killed, and its journal deleted', () => {
  let rig: KubernetesRig;
  beforeAll(async () => {
    rig = await kubernetesRig();
  });
  afterAll(() => rig?.dispose());

  /** Returns the id of the run. */
  async function lose({ strategy, says }: Moment, to: string): Promise<string> {
    const words = [
      rig.target,
      '-n',
      rig.namespace,
      '--version',
      to,
      '--strategy',
      strategy,
      '--monitor',
      '0',
    ];
    const client = await rig.startRda([...words, '--yes']);
    await until(() => says.test(client.stderr()) || client.child.exitCode !== null, 5);
    client.child.kill('SIGKILL');
    const { exit, stderr } = await client.ended;
    expect({ exit, stderr }).toMatchObject({ exit: 137 });
    await rig.kubectl(['delete', 'configmaps', '--selector', 'rollback-deploy-auto/kind']);
    return /plan (r-\d{8}-\d{6}-\w{4})/.exec(stderr)?.[1] ?? '';
  }
  const doctor = (...more: string[]) => rig.rda(['doctor', rig.target, '-n', rig.namespace, ...more]);

  test.each(MOMENTS)(
    '$strategy, at $says: doctor tells it, and mends it with no request lost',
    {
      timeout: 180_000,
    },
    async (moment) => {
      const [{ version: from } = { version: '' }] = await rig.configurations();
      const to = from === 'v2.14.4' ? 'v2.14.3' : 'v2.14.4';
      const before = await rig.configured();
      const load = await rig.load({ rate: 100 });
      const runId = await lose(moment, to);

      const told = await doctor();
      expect(told, told.stdout).toMatchObject({ exit: 0 });
      expect(told.stdout).toContain('[WARN] Left over: deployment/api has strategy, minReadySeconds,');
      expect(told.stdout).toContain('[WARN] Left over: service/api sends only to pods');
      expect(told.stdout).toContain(`(run ${runId})`);
      expect(told.stdout).toContain(
        `Put it back: rollback-deploy-auto doctor deployment/api -n ${rig.namespace} --fix`,
      );
      expect(await leftBehind(rig)).not.toEqual([]);

      const mended = await doctor('--fix');
      const { failed, reasons } = await load.stop();
      expect(mended, mended.stdout).toMatchObject({ exit: 0 });
      expect(mended.stdout).toContain('[OK] Put back: deployment/api has strategy, minReadySeconds,');
      expect(mended.stdout).not.toContain('Left over');
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: {} });

      await rig.settled();
      expect(await leftBehind(rig)).toEqual([]);
      const after = await rig.configured();
      expect(after.service).toEqual(before.service);
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      const seen = [...new Set((await rig.configurations()).map(({ version }) => version))];
      expect(seen).toHaveLength(1);
      expect((after.workload.spec as { template: object }).template).toEqual(
        await keptTemplate(rig, seen[0] as string),
      );
      expect((await doctor()).stdout).not.toContain('Left over');
    },
  );

  test('what belongs to a run that is not over is left to it', async () => {
    const [{ version: from } = { version: '' }] = await rig.configurations();
    const to = from === 'v2.14.4' ? 'v2.14.3' : 'v2.14.4';
    const client = await rig.startRda([rig.target, '-n', rig.namespace, '--version', to, '--monitor', '0']);
    await until(() => /admit-pods:\S+ done/.test(client.stderr()) || client.child.exitCode !== null, 5);
    const during = await doctor('--fix');
    expect(during.stdout).not.toContain('Put back');
    expect(during.stdout).toMatch(/Run r-\S+ has not come to its end, and holds api meanwhile/);
    expect(during.stdout).toMatch(
      new RegExp(`Go on: rollback-deploy-auto resume deployment/api -n ${rig.namespace} r-`),
    );
    const { exit, stderr } = await client.ended;
    expect({ exit, stderr }).toMatchObject({ exit: 0 });
    expect(await leftBehind(rig)).toEqual([]);
  });
});
