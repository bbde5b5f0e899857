import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LoadResult } from './load.ts';
import type { Manifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig, type RigOptions } from './rig.ts';
import type { ProcessResult } from './run-process.ts';
import { writerLock } from './writer-lock.ts';

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const BROKEN = 'v2.14.2-broken';
const ACCEPT = ['--accept', 'downtime', '--reason', 'a gap at night'];

describe.skipIf(!hasCluster)('workloads whose new pods may not run beside the old ones', () => {
  it('takes a StatefulSet back pod by pod, from the highest ordinal down, and loses no request', async () => {
    const spec = { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } };
    await withRig({ kind: 'StatefulSet', spec }, async (rig) => {
      // How the pods find each other; nobody may be taken out of that.
      await rig.apply(peersService(rig));
      const peers = await rig.get('service/peers');
      const before = await rig.configured({ withoutImages: true });
      const traffic = await rig.traffic();
      const { run, load } = await underLoad(rig, () => rollBack(rig));
      traffic.stop();
      expect(run.stdout).toContain(`Rollback to ${GOOD} completed`);
      expect(load.reasons).toEqual({});
      expect(load.sent).toBeGreaterThan(1000);
      expect(Object.keys(load.versions).sort()).toEqual([GOOD, BAD]);
      expect(traffic.fewestReady()).toBe(2);
      const pods = await alivePods(rig);
      pods.sort((a, b) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp));
      expect(pods.map(({ metadata }) => metadata.name)).toEqual(['api-2', 'api-1', 'api-0']);
      expect(await versions(rig)).toEqual([GOOD, GOOD, GOOD]);
      expect(await rig.configured({ withoutImages: true })).toEqual(before);
      expect(await marks(rig)).toEqual([]);
      const { resourceVersion } = (await rig.get('service/peers')).metadata;
      expect(resourceVersion).toBe(peers.metadata.resourceVersion);
    });
  });

  it('goes back where it started when a StatefulSet is aborted in the middle', async () => {
    await withRig({ kind: 'StatefulSet' }, async (rig) => {
      const before = await rig.configured();
      const { run, load } = await underLoad(rig, async () => {
        const rollback = await rig.startRda(rollbackArgs(rig));
        await until(async () => (await versions(rig)).includes(GOOD));
        rollback.child.kill('SIGKILL');
        await rollback.ended;
        return rig.rda(['abort', rig.target, '-n', rig.namespace, '--yes']);
      });
      expect(run.stdout + run.stderr).toContain(BAD);
      expect(load.reasons).toEqual({});
      expect(await versions(rig)).toEqual([BAD, BAD, BAD]);
      expect(await rig.configured()).toEqual(before);
      expect(await marks(rig)).toEqual([]);
    });
  });

  it('goes on with the pods that are left when a StatefulSet is scaled down in the middle', async () => {
    await withRig({ kind: 'StatefulSet' }, async (rig) => {
      const before = await rig.configured({ withoutImages: true });
      const rollback = await rig.startRda(rollbackArgs(rig));
      // The highest leaves first; it shall have no replacement.
      await until(async () => (await alivePods(rig)).length < 3);
      await rig.kubectl(['scale', rig.target, '--replicas', '2']);
      const { exit, stdout, stderr } = await rollback.ended;
      expect(stdout + stderr).toContain(`Rollback to ${GOOD} completed`);
      expect(exit).toBe(0);
      await rig.settled();
      expect(await versions(rig)).toEqual([GOOD, GOOD]);
      const { spec, ...rest } = before.workload;
      const scaled = { ...rest, spec: { ...(spec as object), replicas: 2 } };
      expect(await rig.configured({ withoutImages: true })).toEqual({ ...before, workload: scaled });
      expect(await marks(rig)).toEqual([]);
    });
  });

  it('replaces the pods of a broken StatefulSet that starts them in order', async () => {
    const spec = { podManagementPolicy: 'OrderedReady' };
    await withRig({ kind: 'StatefulSet', replicas: 2, versions: [GOOD], spec }, async (rig) => {
      const bad = 'v2.14.5-unready';
      await rig.startDeploy(bad);
      await until(async () => (await versions(rig)).includes(bad));
      // The one below comes up broken, too: then the controller starts none above it.
      await rig.patch(rig.target, { spec: { updateStrategy: { type: 'OnDelete', rollingUpdate: null } } });
      await rig.kubectl(['delete', 'pod', 'api-0']);
      await until(async () => (await versions(rig)).join() === `${bad},${bad}`);
      const before = await rig.configured({ withoutImages: true });
      const run = await rig.rda([...rollbackArgs(rig), ...ACCEPT]);
      expect(run.stdout + run.stderr).toContain(`Rollback to ${GOOD} completed`);
      expect(await versions(rig)).toEqual([GOOD, GOOD]);
      expect(await rig.configured({ withoutImages: true })).toEqual(before);
      expect(await marks(rig)).toEqual([]);
    });
  });

  it('takes a DaemonSet back node by node', async () => {
    const spec = {
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    };
    await withRig({ kind: 'DaemonSet', spec }, async (rig) => {
      const before = await rig.configured({ withoutImages: true });
      const refused = await rig.rda(rollbackArgs(rig));
      expect(refused.exit).toBe(4);
      expect(await rig.configured({ withoutImages: true })).toEqual(before);
      await rollBack(rig, ACCEPT);
      expect(new Set(await versions(rig))).toEqual(new Set([GOOD]));
      expect(await rig.configured({ withoutImages: true })).toEqual(before);
      expect(await marks(rig)).toEqual([]);
    });
  });

  it('refuses to start all pods of a StatefulSet beside the old ones', async () => {
    await withRig({ kind: 'StatefulSet' }, async (rig) => {
      const before = await rig.configured();
      for (const strategy of ['instant', 'blue-green']) {
        const run = await rig.rda([...rollbackArgs(rig, strategy)]);
        expect(run.exit).toBe(2);
        expect(run.stderr).toContain('STRATEGY_UNAVAILABLE');
      }
      expect(await rig.configured()).toEqual(before);
    });
  });
});

describe.skipIf(!hasCluster)('an application that must be the only writer', () => {
  it('never sees a second one where the strategy is Recreate, there and back', () =>
    aloneAllTheTime({ strategy: { type: 'Recreate' }, targets: [GOOD, BAD] }));

  it('never sees a second one where the configuration says singleton', () =>
    aloneAllTheTime({ platform: 'singleton: true', targets: [GOOD] }));

  it("never sees a second one where it writes to a volume that is one pod's", async () => {
    await aloneAllTheTime({ volume: true, targets: [GOOD] });
  });

  it('never sees a second one when the target does not start and the run goes back', () =>
    aloneAllTheTime({ strategy: { type: 'Recreate' }, targets: [BROKEN] }));
});

interface Alone {
  /** Default: as the API server sets it, with surge. */
  strategy?: object;
  /** A line of `platform` in the configuration. */
  platform?: string;
  /** Whether it mounts a claim that is ReadWriteOnce. */
  volume?: boolean;
  /** Rolled back to in turn. */
  targets: string[];
}

/** Rollbacks of one writer that takes seconds to end, watched by a lock that forbids nothing. */
async function aloneAllTheTime({ strategy, platform, volume, targets }: Alone): Promise<void> {
  const lock = await writerLock();
  const env = { WRITER_LOCK: `http://$(HOST_IP):${lock.port}` };
  const spec = strategy ? { strategy } : {};
  try {
    await withRig({ replicas: 1, versions: [GOOD], env, spec }, async (rig) => {
      const claim = volume ? await claimOf(rig) : undefined;
      const container = '/spec/template/spec/containers/0';
      await rig.patchJson(rig.target, [
        // So that "terminating" and "gone" are seconds apart.
        { op: 'add', path: `${container}/lifecycle`, value: { preStop: { sleep: { seconds: 2 } } } },
        ...(claim ? [{ op: 'add', path: '/spec/template/spec/volumes', value: [claim] }] : []),
      ]);
      await rig.settled();
      if (targets.includes(BROKEN)) {
        await rig.startDeploy(BROKEN);
        await until(async () => (await versions(rig)).includes(BROKEN));
      }
      await rig.deploy(BAD);
      const cwd = await rig.folder(configuration(rig, platform));
      for (const target of targets) {
        const before = await rig.configured({ withoutImages: true });
        await until(() => lock.writers().length === 1);
        const clashes = lock.clashes().length;
        const run = await rig.rda([...rollbackArgs(rig, 'rolling', target).slice(3), ...ACCEPT], { cwd });
        expect(run.stdout + run.stderr).toContain(
          target === BROKEN ? 'POD_CRASHED' : `Rollback to ${target} completed`,
        );
        await rig.settled();
        await until(() => lock.writers().length === 1);
        expect(lock.clashes().slice(clashes)).toEqual([]);
        expect(await versions(rig)).toEqual([target === BROKEN ? BAD : target]);
        expect(await rig.configured({ withoutImages: true })).toEqual(before);
        expect(await marks(rig)).toEqual([]);
      }
    });
  } finally {
    await lock.close();
  }
}

async function withRig(options: RigOptions, work: (rig: InPlaceRig) => Promise<void>): Promise<void> {
  const rig = await kubernetesRig(options);
  const folders: string[] = [];
  const volumes: string[] = [];
  try {
    await work({
      ...rig,
      volumes,
      async folder(yaml) {
        const folder = await mkdtemp(join(tmpdir(), 'rda-in-place-'));
        folders.push(folder);
        await writeFile(join(folder, 'rollback.yaml'), yaml);
        return folder;
      },
    });
  } finally {
    await rig.dispose();
    for (const folder of folders) await rm(folder, { recursive: true });
    for (const volume of volumes) await rig.kubectl(['delete', 'persistentvolume', volume, '--wait=false']);
  }
}

interface InPlaceRig extends KubernetesRig {
  /** A folder with this `rollback.yaml`. */
  folder(yaml: string): Promise<string>;
  /** Volumes of the cluster to be deleted in the end. */
  volumes: string[];
}

function configuration({ namespace, target }: KubernetesRig, platform = ''): string {
  return `services:
  api:
    platform:
      kind: kubernetes
      namespace: ${namespace}
      workloads: [${target}]
      ${platform}
    registry: { kind: distribution }
    health: { path: /healthz }
`;
}

function rollbackArgs({ target, namespace }: KubernetesRig, strategy = 'rolling', version = GOOD): string[] {
  return [target, '-n', namespace, '--version', version, '--strategy', strategy, '--yes', '--monitor', '0'];
}

/** @throws unless it ends on the target */
async function rollBack(rig: KubernetesRig, more: string[] = []): Promise<ProcessResult> {
  const run = await rig.rda([...rollbackArgs(rig), ...more]);
  if (run.exit !== 0) throw new Error(`The rollback ended with ${run.exit}\n${run.stdout}\n${run.stderr}`);
  return run;
}

async function underLoad(
  rig: KubernetesRig,
  work: () => Promise<ProcessResult>,
): Promise<{ run: ProcessResult; load: LoadResult }> {
  const load = await rig.load();
  try {
    await until(async () => (await load.soFar()).ok > 0);
    const run = await work();
    return { run, load: await load.stop() };
  } finally {
    await load.stop();
  }
}

async function versions(rig: KubernetesRig): Promise<string[]> {
  return (await alivePods(rig)).map(({ spec }) => spec.containers[0]?.image.split(':').at(-1) ?? '');
}

async function alivePods(rig: KubernetesRig): Promise<Pod[]> {
  const pods = await rig.list<Pod>('pods', '--selector', 'app=api');
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** What a run wrote on any object and did not take away. */
async function marks(rig: KubernetesRig): Promise<string[]> {
  const objects = await rig.list('deployments,statefulsets,daemonsets,services,pods');
  return objects.flatMap(({ kind, metadata, spec }) =>
    Object.keys({ ...metadata.labels, ...metadata.annotations, ...(spec as { selector?: object }).selector })
      .filter((key) => key.startsWith('rollback-deploy-auto/'))
      .map((key) => `${kind}/${metadata.name} ${key}`),
  );
}

function peersService({ service }: KubernetesRig): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'peers' },
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: { app: service },
      ports: [{ name: 'http', port: 80 }],
    },
  };
}

/** A volume that is one pod's at a time, as the template mounts it. */
async function claimOf(rig: InPlaceRig): Promise<object> {
  const accessModes = ['ReadWriteOnce'];
  const common = { accessModes, storageClassName: rig.namespace };
  const storage = '1Mi';
  await rig.apply(
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: rig.namespace },
      spec: { ...common, capacity: { storage }, hostPath: { path: `/tmp/${rig.namespace}` } },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { ...common, resources: { requests: { storage } } },
    },
  );
  rig.volumes.push(rig.namespace);
  return { name: 'data', persistentVolumeClaim: { claimName: 'data' } };
}

interface Pod extends Manifest {
  metadata: Manifest['metadata'] & { uid: string; deletionTimestamp?: string; creationTimestamp: string };
  spec: { containers: { image: string }[] };
}
