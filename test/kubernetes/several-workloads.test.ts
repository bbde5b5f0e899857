import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftBehind } from './left-behind.ts';
import { type LoadResult, startLoad } from './load.ts';
import { type Manifest, serviceManifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { type PodSeen, type TrafficWatch, watchTraffic } from './watch-traffic.ts';

const OLD = 'v2.14.3';
const NEW = 'v2.14.4';
const IN_ORDER = ['deployment/api', 'deployment/worker'];

describe.skipIf(!hasCluster)('a service of several workloads', () => {
  let rig: KubernetesRig;
  let before: Manifest[];
  const folders: string[] = [];

  beforeAll(async () => {
    rig = await kubernetesRig({ replicas: 3 });
    await rig.apply(serviceManifest('worker', { app: 'worker' }), serviceManifest('db', { app: 'db' }));
    await Promise.all([
      rig.add({ name: 'worker', app: 'worker', replicas: 2 }),
      rig.add({ name: 'db', app: 'db', replicas: 2, kind: 'StatefulSet' }),
      rig.add({ name: 'late', app: 'late', replicas: 1, versions: [NEW] }),
    ]);
    before = await configured();
  });

  afterAll(async () => {
    await rig?.dispose();
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });

  it('moves one after the other, each whole before the next is touched, and loses no request', async () => {
    const cwd = await folderWith(IN_ORDER);
    const dry = await rig.rda(['plan', '--version', OLD], { cwd });
    const labels = [...dry.stdout.matchAll(/\] (deployment\/\w+): Deploying v2.14.3 \((pod .*)\)/g)];
    expect(labels.map(([, workload, pod]) => `${workload} ${pod}`)).toEqual([
      'deployment/api pod 1/3',
      'deployment/api pod 2/3',
      'deployment/api pod 3/3',
      'deployment/worker pod 1/2',
      'deployment/worker pod 2/2',
    ]);
    const seen = await underLoad(['api', 'worker'], () => rig.rda(to(OLD), { cwd }));
    expect(seen.run.stdout + seen.run.stderr).toContain(`Rollback to ${OLD} completed`);
    expect(seen.run.stdout).toContain(`deployment/worker: Deploying ${OLD} (pod 2/2)...healthy`);
    expect(seen.reasons).toEqual({ api: {}, worker: {} });
    expect(lastLeft(seen.pods.api, NEW)).toBeLessThanOrEqual(firstBorn(seen.pods.worker, OLD));
    await expectAll(OLD, ['api', 'worker']);
  });

  it('moves them side by side where they go together', async () => {
    const cwd = await folderWith(IN_ORDER, 'together: true');
    const seen = await underLoad(['api', 'worker'], () => rig.rda(to(NEW), { cwd }));
    expect(seen.run.stdout + seen.run.stderr).toContain(`Rollback to ${NEW} completed`);
    expect(seen.reasons).toEqual({ api: {}, worker: {} });
    expect(firstBorn(seen.pods.worker, NEW)).toBeLessThan(firstLeft(seen.pods.api, OLD));
    expect(firstBorn(seen.pods.api, NEW)).toBeLessThan(firstLeft(seen.pods.worker, OLD));
    await expectAll(NEW, ['api', 'worker']);
  });

  it('is gone on with, and gone back with in the opposite order, after its client was killed in the second', async () => {
    const cwd = await folderWith(IN_ORDER);
    const killedInSecond = async (version: string, traffic: TrafficWatch[]) => {
      const rollback = await rig.startRda(to(version), { cwd });
      const second = traffic[1] as TrafficWatch;
      await until(() => second.pods().some((pod) => pod.version === version && !pod.terminatingAtMs));
      rollback.child.kill('SIGKILL');
      await rollback.ended;
    };
    const aborted = await underLoad(['api', 'worker'], async (traffic) => {
      await killedInSecond(OLD, traffic);
      return rig.rda(['abort', '--yes'], { cwd: await folderWith(IN_ORDER) });
    });
    expect(aborted.run.stdout + aborted.run.stderr).toContain('Production is back where it started');
    expect(aborted.reasons).toEqual({ api: {}, worker: {} });
    expect(lastLeft(aborted.pods.worker, OLD)).toBeLessThanOrEqual(lastBorn(aborted.pods.api, NEW));
    await expectAll(NEW, ['api', 'worker']);

    const resumed = await underLoad(['api', 'worker'], async (traffic) => {
      await killedInSecond(OLD, traffic);
      return rig.rda(['resume', '--yes'], { cwd: await folderWith(IN_ORDER) });
    });
    expect(resumed.run.stdout + resumed.run.stderr).toContain(`Rollback to ${OLD} completed`);
    expect(resumed.reasons).toEqual({ api: {}, worker: {} });
    expect(lastLeft(resumed.pods.api, NEW)).toBeLessThanOrEqual(firstBorn(resumed.pods.worker, OLD));
    await expectAll(OLD, ['api', 'worker']);
  });

  it('takes a StatefulSet back after a Deployment that needs nothing', async () => {
    const cwd = await folderWith(['deployment/worker', 'statefulset/db']);
    // Back on the newer one first, so that the releases of the first workload are told by what it runs.
    await rig.deploy(NEW, 'deployment/worker');
    const seen = await underLoad(['worker', 'db'], () => rig.rda(to(OLD), { cwd }));
    expect(seen.run.stdout + seen.run.stderr).toContain(`Rollback to ${OLD} completed`);
    expect(seen.reasons).toEqual({ worker: {}, db: {} });
    expect(lastLeft(seen.pods.worker, NEW)).toBeLessThanOrEqual(firstLeft(seen.pods.db, NEW));
    await expectAll(OLD, ['worker', 'db']);
  });

  it('refuses where one of them never ran the target, and says which one ran what', async () => {
    await rig.deploy(NEW);
    const { exit, stdout, stderr } = await rig.rda(to(OLD), {
      cwd: await folderWith(['deployment/api', 'deployment/late']),
    });
    expect(stdout + stderr).toContain(`deployment/late never ran ${OLD}`);
    expect(stdout + stderr).toContain(`Versions that it ran, newest first: ${NEW}.`);
    expect(exit).toBe(4);
    await expectAll(NEW, ['api', 'late']);
  });

  async function underLoad<R>(
    services: string[],
    work: (traffic: TrafficWatch[]) => Promise<R>,
  ): Promise<{ run: R; reasons: Record<string, object>; pods: Record<string, PodSeen[]> }> {
    // What the test before ended would be seen as born when the watch begins.
    await until(async () =>
      (await rig.list('pods')).every(({ metadata }) => metadata.deletionTimestamp === undefined),
    );
    const traffic = await Promise.all(services.map((service) => watchTraffic(rig.namespace, service)));
    const loads = await Promise.all(
      services.map(async (service) => startLoad({ url: await urlOf(service), rate: 100 })),
    );
    const stop = () => Promise.all(loads.map((load) => load.stop()));
    try {
      await until(async () =>
        (await Promise.all(loads.map((load) => load.soFar()))).every(({ ok }) => ok > 0),
      );
      const run = await work(traffic);
      const results = await stop();
      for (const { sent } of results) expect(sent).toBeGreaterThan(200);
      return {
        run,
        reasons: byName(results, ({ reasons }: LoadResult) => reasons),
        pods: byName(traffic, (watch: TrafficWatch) => watch.pods()),
      };
    } finally {
      await stop();
      for (const watch of traffic) watch.stop();
    }

    function byName<T, V>(all: T[], of: (one: T) => V): Record<string, V> {
      return Object.fromEntries(all.map((one, i) => [services[i] as string, of(one)]));
    }
  }

  async function urlOf(service: string): Promise<string> {
    const { spec } = await rig.get<{ spec: { ports: { nodePort: number }[] } }>(`service/${service}`);
    return `http://${process.env.NODE_ADDRESS ?? '127.0.0.1'}:${spec.ports[0]?.nodePort}`;
  }

  async function folderWith(workloads: string[], more = ''): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'rda-several-'));
    folders.push(folder);
    const lines = [
      'services:',
      '  shop:',
      '    platform:',
      '      kind: kubernetes',
      `      namespace: ${rig.namespace}`,
      `      workloads: [${workloads.join(', ')}]`,
      ...(more ? [`      ${more}`] : []),
      '    registry: { kind: distribution }',
    ];
    await writeFile(join(folder, 'rollback.yaml'), lines.join('\n'));
    return folder;
  }

  /** All of them have the version, and are as they were but for that. */
  async function expectAll(version: string, apps: string[]): Promise<void> {
    const pods = await rig.list<Pod>('pods', '--selector', `app in (${apps.join(',')})`);
    const alive = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const versions = new Set(alive.map(({ spec }) => spec.containers[0]?.image.split(':').at(-1)));
    expect([...versions]).toEqual([version]);
    expect(await configured()).toEqual(before);
    expect(await leftBehind(rig)).toEqual([]);
  }

  /** What somebody configured, but for the images. */
  async function configured(): Promise<Manifest[]> {
    const objects = await rig.list('deployments,statefulsets,services');
    return objects.map(({ apiVersion, kind, metadata: { name, labels }, spec }) => {
      const { template: _, ...rest } = spec as Record<string, unknown>;
      return { apiVersion, kind, metadata: { name, ...(labels && { labels }) }, spec: rest };
    });
  }
});

function to(version: string): string[] {
  return ['--version', version, '--yes', '--monitor', '0'];
}

function firstBorn(pods: PodSeen[] = [], version: string): number {
  return Math.min(...pods.filter((pod) => pod.version === version).map(({ bornAtMs }) => bornAtMs));
}

function lastBorn(pods: PodSeen[] = [], version: string): number {
  return Math.max(...pods.filter((pod) => pod.version === version).map(({ bornAtMs }) => bornAtMs));
}

function leftAt(pods: PodSeen[] = [], version: string): number[] {
  const old = pods.filter((pod) => pod.version === version);
  return old.map(({ terminatingAtMs }) => terminatingAtMs ?? Number.POSITIVE_INFINITY);
}

function firstLeft(pods: PodSeen[] | undefined, version: string): number {
  return Math.min(...leftAt(pods, version));
}

function lastLeft(pods: PodSeen[] | undefined, version: string): number {
  return Math.max(...leftAt(pods, version));
}

interface Pod extends Manifest {
  metadata: Manifest['metadata'] & { deletionTimestamp?: string };
  spec: { containers: { image: string }[] };
}
