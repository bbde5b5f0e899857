import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { comparable } from './comparable.ts';
import { leftBehind } from './left-behind.ts';
import type { Load } from './load.ts';
import { type Manifest, serviceManifest, workloadManifest } from './manifests.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { runProcess } from './run-process.ts';

const hasHelm = spawnSync('helm', ['version']).status === 0;
if (!hasCluster || !hasHelm) {
  console.warn('SKIPPED: the real Helm. Set KUBECONFIG and REGISTRY, and have helm on PATH, to run it.');
}

/** How Helm writes objects: it picks server-side apply for new releases since version 4. */
const WAYS = ['--server-side=true', '--server-side=false'];

for (const way of WAYS) {
  describe.skipIf(!hasCluster || !hasHelm)(`a release of the real Helm, ${way}`, { timeout: 180_000 }, () => {
    let rig: KubernetesRig;
    let load: Load | undefined;
    let chart: string;

    beforeEach(async () => {
      // The application beside lends its namespace, images and load.
      rig = await kubernetesRig({ name: 'other', replicas: 1, versions: ['v2.14.3'] });
      chart = await mkdtemp(join(tmpdir(), 'rda-chart-'));
      await writeChart(chart);
      await helm('install', 'shop', chart, '--set', await values('v2.14.3'), '--wait', way);
      await helm('upgrade', 'shop', chart, '--set', await values('v2.14.4'), '--wait', way);
      await rig.settled('deployment/api');
    });
    afterEach(async () => {
      await load?.stop();
      await rig?.dispose();
      await rm(chart, { recursive: true, force: true });
    });

    const helm = (...args: string[]) => runProcess('helm', ['--namespace', rig.namespace, ...args]);
    const values = async (version: string, greeting = 'hello') =>
      `image=${(await rig.image(version)).reference},greeting=${greeting}`;
    const history = async () =>
      (
        JSON.parse((await helm('history', 'shop', '--output', 'json')).stdout) as {
          revision: number;
          status: string;
          description: string;
        }[]
      ).map(({ revision, status, description }) => `${revision} ${status} ${description}`);
    const objects = async () => {
      const kinds = ['deployment/api', 'service/api', 'configmap/api'];
      return Promise.all(kinds.map(async (name) => comparable(await rig.get<Manifest>(name))));
    };
    const images = async () =>
      (await rig.list<Pod>('pods', '--selector', 'app=api')).map(
        ({ spec }) => spec.containers[0]?.image.split(':').at(-1) ?? '',
      );
    const pods = async () =>
      (await rig.list('pods', '--selector', 'app=api')).map(({ metadata }) => metadata.uid).sort();
    const rollBack = async () => {
      const run = await rig.rda([
        ...['deployment/api', '--namespace', rig.namespace, '--version', 'v2.14.3'],
        ...['--strategy', 'rolling', '--yes', '--monitor', '0'],
      ]);
      expect([run.exit, run.stderr]).toEqual([0, expect.any(String)]);
      await rig.settled('deployment/api');
      expect(await images()).toEqual(Array(3).fill('v2.14.3'));
      expect(await leftBehind(rig)).toEqual([]);
      return run;
    };

    it('its history is left alone, the plan says so, and the next upgrade makes exactly what its chart declares', async () => {
      const told = await history();
      const url = `http://${process.env.NODE_ADDRESS ?? '127.0.0.1'}:${await nodePort(rig)}`;
      load = await rig.load({ url, rate: 100 });
      const run = await rollBack();
      const { failed, reasons } = await load.stop();
      expect({ failed, reasons }).toEqual({ failed: 0, reasons: {} });
      expect(run.stdout).toContain(
        'deployment/api is part of the Helm release shop, whose history does not see this rollback',
      );
      expect(await history()).toEqual(told);

      await helm('upgrade', 'shop', chart, '--set', await values('v2.14.5'), '--wait', way);
      await rig.settled('deployment/api');
      const after = await objects();
      expect(await images()).toEqual(Array(3).fill('v2.14.5'));
      expect((await history()).at(-1)).toBe('3 deployed Upgrade complete');

      // The same chart where nobody ever rolled back: what is there must be the same.
      await helm('uninstall', 'shop', '--wait');
      await helm('install', 'shop', chart, '--set', await values('v2.14.5'), '--wait', way);
      expect(withoutPorts(after)).toEqual(withoutPorts(await objects()));
    });

    it('"helm rollback" afterwards makes its history true and moves no pod; an upgrade of something else keeps v2.14.3', async () => {
      await rollBack();
      const before = await pods();
      await helm('rollback', 'shop', '1', '--wait', way);
      await rig.settled('deployment/api');
      expect(await pods()).toEqual(before);
      expect(await history()).toEqual([
        '1 superseded Install complete',
        '2 superseded Upgrade complete',
        '3 deployed Rollback to 1',
      ]);
      await helm('upgrade', 'shop', chart, '--reuse-values', '--set', 'greeting=moin', '--wait', way);
      expect(await images()).toEqual(Array(3).fill('v2.14.3'));
      expect(await pods()).toEqual(before);
      expect((await rig.get<{ data: object }>('configmap/api')).data).toEqual({ greeting: 'moin' });
    });
  });
}

interface Pod {
  spec: { containers: { image: string }[] };
}

/** JSON is YAML, so the manifests of the other tests are the templates. */
async function writeChart(folder: string): Promise<void> {
  await mkdir(join(folder, 'templates'));
  const metadata = { apiVersion: 'v2', name: 'shop', version: '1.0.0' };
  await writeFile(join(folder, 'Chart.yaml'), JSON.stringify(metadata));
  await writeFile(join(folder, 'values.yaml'), JSON.stringify({ image: '', greeting: 'hello' }));
  const workload = workloadManifest({
    ...{ name: 'api', app: 'api', kind: 'Deployment', replicas: 3, image: '{{ .Values.image }}' },
    ...{ grace: false, env: {}, labels: {}, configMap: undefined, secret: undefined, spec: {}, podSpec: {} },
  });
  const configMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'api' },
    data: { greeting: '{{ .Values.greeting }}' },
  };
  const all = { workload, service: serviceManifest('api', { app: 'api' }), config: configMap };
  for (const [name, object] of Object.entries(all))
    await writeFile(join(folder, 'templates', `${name}.yaml`), JSON.stringify(object));
}

async function nodePort(rig: KubernetesRig): Promise<number> {
  const { spec } = await rig.get<{ spec: { ports: { nodePort: number }[] } }>('service/api');
  return spec.ports[0]?.nodePort ?? 0;
}

/** Addresses and ports are the API server's choice for each Service. */
function withoutPorts(objects: Manifest[]): string {
  return JSON.stringify(objects, (key, value) =>
    ['nodePort', 'clusterIP', 'clusterIPs'].includes(key) ? undefined : value,
  );
}
