import { afterEach, describe, expect, it } from 'vitest';
import { leftBehind } from './left-behind.ts';
import { configMapManifest, secretManifest, workloadManifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig, type SeenConfiguration } from './rig.ts';

if (!hasCluster)
  console.warn('SKIPPED: configuration through a rollback. Set KUBECONFIG and REGISTRY to run it.');

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const OLD_FILE = '{"pageSize":10}';
const NEW_FILE = '{"pageSize":50}';

describe.skipIf(!hasCluster)(
  'between two releases a password was rotated and a shared ConfigMap edited',
  () => {
    let rig: KubernetesRig;
    afterEach(() => rig?.dispose());

    it('after the rollback the old file and the new password serve, and the other Deployment is as it was', async () => {
      rig = await kubernetesRig({
        versions: [GOOD],
        config: { 'config.json': OLD_FILE },
        password: 'before-the-rotation',
        // Full with one: the controller cleans up what it takes for older.
        spec: { revisionHistoryLimit: 1 },
      });
      await addWorker();
      const recorded = await rig.rda(['snapshot', rig.target, '-n', rig.namespace]);
      expect([recorded.exit, recorded.stderr]).toEqual([0, expect.any(String)]);
      await rig.apply(
        secretManifest('api-secret', { password: 'after-the-rotation' }),
        configMapManifest('api-config', { 'config.json': NEW_FILE }),
      );
      await rig.deploy(BAD);
      await rig.kubectl(['rollout', 'restart', 'deployment/worker']);
      await rig.settled('deployment/worker');
      expect(await rig.configurations()).toEqual(Array(3).fill(seen(BAD, NEW_FILE)));
      const workers = await podNames('worker');

      const load = await rig.load();
      await until(async () => (await load.soFar()).ok > 100);
      const run = await rig.rda([
        ...[rig.target, '-n', rig.namespace, '--version', GOOD],
        ...['--strategy', 'rolling', '--yes', '--monitor', '0'],
      ]);
      const { reasons } = await load.stop();
      expect([run.exit, run.stdout + run.stderr]).toEqual([
        0,
        expect.stringContaining(`to ${GOOD} completed`),
      ]);
      expect(reasons).toEqual({});
      await rig.settled();
      expect(await rig.configurations()).toEqual(Array(3).fill(seen(GOOD, OLD_FILE)));
      expect(await leftBehind(rig)).toEqual([]);

      expect(await podNames('worker')).toEqual(workers);
      const { data } = await rig.get<{ data: object }>('configmap/api-config');
      expect(data).toEqual({ 'config.json': NEW_FILE });
      // Also one that is born now.
      await rig.kubectl(['delete', 'pod', workers[0] as string]);
      await rig.settled('deployment/worker');
      for (const pod of await podNames('worker'))
        expect(await configurationOf(pod)).toEqual(seen(GOOD, NEW_FILE));
    });

    /** Another application that mounts the same ConfigMap and reads the same Secret. */
    async function addWorker(): Promise<void> {
      const { reference } = await rig.image(GOOD);
      await rig.apply(
        workloadManifest({
          name: 'worker',
          app: 'worker',
          kind: 'Deployment',
          replicas: 2,
          image: reference,
          grace: false,
          env: {},
          labels: {},
          configMap: 'api-config',
          secret: 'api-secret',
          spec: {},
          podSpec: {},
        }),
      );
      await rig.settled('deployment/worker');
    }

    function seen(version: string, file: string): SeenConfiguration {
      return { version, pod: expect.any(String), file, password: 'after-the-rotation' };
    }

    async function podNames(app: string): Promise<string[]> {
      const pods = await rig.list('pods', '--selector', `app=${app}`);
      return pods.map(({ metadata }) => metadata.name).sort();
    }

    async function configurationOf(pod: string): Promise<SeenConfiguration> {
      const path = `/api/v1/namespaces/${rig.namespace}/pods/${pod}:8080/proxy/config`;
      return JSON.parse((await rig.kubectl(['get', '--raw', path])).stdout) as SeenConfiguration;
    }
  },
);
