import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { kubernetesConfigurationSource } from '../../src/adapters/configuration/kubernetes.ts';
import type { PlannedCopy } from '../../src/adapters/platform/kubernetes/configuration/copies.ts';
import { planRestoration } from '../../src/adapters/platform/kubernetes/configuration/plan-restoration.ts';
import { pruneCopies } from '../../src/adapters/platform/kubernetes/configuration/prune-copies.ts';
import {
  type ReleaseSnapshot,
  readSnapshots,
} from '../../src/adapters/platform/kubernetes/configuration/release-snapshot.ts';
import {
  SNAPSHOTS_KEPT,
  takeSnapshot,
} from '../../src/adapters/platform/kubernetes/configuration/take-snapshot.ts';
import {
  restoreConfiguration,
  restoredTemplate,
} from '../../src/adapters/platform/kubernetes/restore-configuration.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import { fileStore } from '../../src/adapters/store/file.ts';
import type { StateStore } from '../../src/adapters/store/store.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import type { StepContext } from '../../src/engine/step.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { FINGERPRINT_KEY_SECRET } from '../../src/kubernetes/fingerprint-key.ts';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import { bundle } from '../store/bundle.ts';
import { type ConfigurationRig, configurationRig, NEVER } from './configuration-rig.ts';
import type { ConfigurationWorkerTask } from './configuration-worker.ts';

const { KUBECONFIG, CI } = process.env;
test.runIf(CI)('a cluster is there', () => expect(KUBECONFIG).toBeDefined());

/** Nothing runs: the Deployment is asked for no pods. */
describe.skipIf(!KUBECONFIG)('copies of configuration, on a cluster', { timeout: 120_000 }, () => {
  let rig: ConfigurationRig;
  let folder: string;
  let store: StateStore;
  let view: WorkloadView;
  let count = 0;

  beforeAll(async () => {
    rig = await configurationRig();
    folder = await mkdtemp(join(tmpdir(), 'rda-copies-'));
    await rig.configMap('plain', { x: '1' });
    await rig.secret('db', { password: 'long-and-not-guessed' });
    view = await rig.roll('api', template('v0'), 0);
  });
  afterAll(async () => {
    await rig?.end();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await clean();
    store = freshStore();
  });

  const freshStore = () => fileStore({ path: join(folder, `store-${++count}`), clock: systemClock });
  const take = (from = view, copySecrets: string[] = [], clock = systemClock) => {
    const { cluster, namespace } = rig;
    return takeSnapshot({
      cluster,
      namespace,
      service: 'shop',
      view: from,
      store,
      copySecrets,
      clock,
      signal: NEVER,
    });
  };
  const prune = async (views: WorkloadView[], youngMs?: number) => {
    const { cluster, namespace } = rig;
    const pruned = await pruneCopies({
      cluster,
      namespace,
      service: 'shop',
      views,
      store,
      clock: systemClock,
      youngMs,
      signal: NEVER,
    });
    expect(pruned.secretsForbidden).toBe(false);
    return pruned.deleted;
  };
  const copies = async (resource: 'configmaps' | 'secrets') =>
    (await rig.all(resource)).map(({ metadata }) => metadata.name).filter((name) => name.includes('-rda-'));
  const restore = (planned: PlannedCopy[]) => {
    const { cluster, namespace } = rig;
    const step = restoreConfiguration(cluster);
    const input = { namespace, service: 'shop', copies: planned };
    const context = { signal: NEVER } as StepContext;
    return { observe: () => step.observe(input, context), apply: () => step.apply(input, context) };
  };

  test('killed at every write, the next snapshot finishes with the same copies', async () => {
    const tools = join(folder, 'tools');
    await mkdir(tools);
    const worker = await bundle('test/kubernetes/configuration-worker.ts', tools);
    const viewFile = join(folder, 'view.json');
    await writeFile(viewFile, JSON.stringify(view));
    const whole = (await take(view, ['db'])).objects.map(({ name }) => name);
    const plain = await copies('configmaps');
    let killed = 0;
    for (const after of [false, true]) {
      for (let killAt = 1, finished = false; !finished; killAt++) {
        await clean();
        store = freshStore();
        const path = join(folder, `store-${count}`);
        const task: ConfigurationWorkerTask = {
          namespace: rig.namespace,
          view: viewFile,
          store: path,
          killAt,
          after,
        };
        const child = spawn(process.execPath, [worker, JSON.stringify(task)], { stdio: 'inherit' });
        const [code, by] = await once(child, 'exit');
        finished = code === 0;
        if (!finished) {
          expect(by).toBe('SIGKILL');
          killed++;
        }
        const snapshot = await take(view, ['db']);
        expect(snapshot.objects.map(({ name }) => name)).toEqual(whole);
        expect(await copies('configmaps')).toEqual(plain);
        expect(await copies('secrets')).toEqual([snapshot.objects[2]?.copy]);
        const recorded = planned(snapshot);
        expect(recorded).toHaveLength(2);
        expect((await restore(recorded).observe()).state).toBe('done');
      }
    }
    // The key, two copies, the document and the copies again, each before and after.
    expect(killed).toBeGreaterThanOrEqual(8);
  });

  test('a release whose pods are not all available does not replace what was recorded', async () => {
    const available = {
      ...view,
      object: {
        ...view.object,
        spec: { ...view.object.spec, replicas: 2 },
        status: { ...view.object.status, updatedReplicas: 2, availableReplicas: 2 },
      },
    } as WorkloadView;
    const first = await take(available);
    expect(first.availableAt).toBeDefined();
    await rig.configMap('plain', { x: 'of the next release' });
    const failing = structuredClone(available);
    Object.assign(failing.object.status as object, { availableReplicas: 1 });
    expect((await take(failing)).objects).toEqual(first.objects);
    const again = await take(available);
    expect(again.objects).not.toEqual(first.objects);
    expect(again.availableAt).toBe(first.availableAt);
  });

  test('the step makes an empty copy, and stops where a copy is gone or not what its name says', async () => {
    const snapshot = await take();
    await rig.configMap('maybe', { new: 'today' });
    const today = {
      keyId: snapshot.keyId,
      objects: snapshot.objects.map((one) => ({ ...one, exists: true, keys: { y: '' } })),
    };
    const plan = planRestoration({
      service: 'shop',
      version: 'v1',
      template: template('v0'),
      snapshot,
      today,
      restoreSecrets: [],
    });
    expect(plan.copies.map(({ of }) => of)).toEqual(['maybe', 'plain']);
    const step = restore(plan.copies);
    expect((await step.observe()).state).toBe('pending');
    await Promise.all([step.apply(), step.apply()]);
    expect(await step.observe()).toMatchObject({ state: 'done' });
    const [empty, full] = plan.copies;
    const object = (await rig.all('configmaps')).find(({ metadata }) => metadata.name === empty?.name);
    expect(object).toMatchObject({ immutable: true });
    expect(object?.data).toBeUndefined();

    await rig.remove('configmaps', full?.name as string);
    expect(await step.observe()).toEqual({ state: 'conflict', why: `ConfigMap ${full?.name} is gone.` });
    await expect(step.apply()).rejects.toMatchObject({ code: 'COPY_LOST' });
    await rig.configMap(full?.name as string, { x: 'of somebody else' });
    expect(await step.observe()).toMatchObject({ state: 'conflict' });
    await expect(take()).rejects.toMatchObject({ code: 'COPY_NAME_TAKEN' });
  });

  test('only copies that no snapshot and no template needs are deleted', async () => {
    const bound = { plain: '' };
    // One release more than are kept, each with content of its own.
    for (let i = 0; i <= SNAPSHOTS_KEPT; i++) {
      await rig.configMap('plain', { x: `content ${i}` });
      const revision = { ...(view.revisions[0] as WorkloadView['revisions'][number]), id: `r${i}` };
      const clock = { ...systemClock, now: () => Date.UTC(2026, 0, 1 + i) };
      const { objects } = await take({ ...view, current: revision.id, revisions: [revision] }, [], clock);
      if (i === 0) bound.plain = objects.find(({ name }) => name === 'plain')?.copy as string;
    }
    expect(Object.keys(await readSnapshots(store, 'shop')).sort()).not.toContain('r0');
    expect(await copies('configmaps')).toHaveLength(SNAPSHOTS_KEPT + 1);
    expect(await prune([view])).toEqual([]);

    // A workload that nobody told of refers to it.
    await rig.roll('borrower', template('v0', { plain: bound.plain }), 0);
    expect(await prune([view], 0)).toEqual([]);
    await rig.cluster.delete(`/apis/apps/v1/namespaces/${rig.namespace}/deployments/borrower`);
    await expect.poll(() => prune([view], 0), { timeout: 30_000 }).toEqual([`ConfigMap/${bound.plain}`]);
    expect(await copies('configmaps')).toHaveLength(SNAPSHOTS_KEPT);
    expect((await rig.all('configmaps')).map(({ metadata }) => metadata.name)).toContain('plain');
  });

  test('the rights that it needs, and none of them less', async () => {
    const rights = (secrets: string[]) => [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'delete'] },
      { apiGroups: [''], resources: ['secrets'], verbs: secrets },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      {
        apiGroups: ['apps'],
        resources: ['deployments', 'replicasets', 'statefulsets', 'daemonsets'],
        verbs: ['list'],
      },
    ];
    const { namespace } = rig;
    const work = async (cluster: Cluster) => {
      const common = { cluster, namespace, service: 'shop', store, clock: systemClock, signal: NEVER };
      const snapshot = await takeSnapshot({ ...common, view, copySecrets: ['db'] });
      await pruneCopies({ ...common, views: [view], youngMs: 0 });
      return snapshot;
    };
    const reader = await rig.lesser('reader', rights(['create', 'delete', 'list']), folder);
    await expect(work(reader)).rejects.toMatchObject({ code: 'KUBERNETES_FORBIDDEN' });
    const templates = async () => [template('v0')];
    const source = kubernetesConfigurationSource({ cluster: async () => reader, namespace, templates });
    await expect(source.read(NEVER)).rejects.toMatchObject({ code: 'KUBERNETES_FORBIDDEN' });

    // What refers to no Secret needs no right on Secrets.
    const bare = await rig.lesser('bare', rights(['create']), folder);
    const plain: PodTemplate = {
      spec: { containers: [{ name: 'web', image: 'i', envFrom: [{ configMapRef: { name: 'plain' } }] }] },
    };
    const revision = { ...(view.revisions[0] as WorkloadView['revisions'][number]), template: plain };
    const common = { cluster: bare, namespace, service: 'shop', store, clock: systemClock, signal: NEVER };
    const snapshot = await takeSnapshot({
      ...common,
      view: { ...view, revisions: [revision] },
      copySecrets: [],
    });
    expect(snapshot.objects).toMatchObject([{ name: 'plain', copy: expect.any(String) }]);
    expect(await pruneCopies({ ...common, views: [view], youngMs: 0 })).toEqual({
      deleted: [],
      secretsForbidden: true,
    });
    await rig.configMap('plain', { x: 'changed' });
    const restored = await restoredTemplate({
      ...common,
      version: 'v0',
      template: plain,
      snapshot,
      today: { objects: [{ kind: 'ConfigMap', name: 'plain', exists: true, keys: { x: '' } }], keyId: '' },
      restoreSecrets: [],
      dryRun: false,
    });
    expect(restored.copies).toHaveLength(1);
    const plainly = kubernetesConfigurationSource({
      cluster: async () => bare,
      namespace,
      templates: async () => [plain],
    });
    expect(Object.keys((await plainly.read(NEVER)).files)).toEqual(['configmap:plain/x']);

    const enough = await rig.lesser('enough', rights(['get', 'list', 'create', 'delete']), folder);
    const { objects } = await work(enough);
    expect(objects.filter(({ copy }) => copy !== undefined)).toHaveLength(2);
  });

  function planned({ objects }: ReleaseSnapshot): PlannedCopy[] {
    return objects
      .filter(({ copy }) => copy !== undefined)
      .map(({ kind, name, keys, copy }) => ({ kind, of: name, keys, name: copy as string }));
  }

  async function clean(): Promise<void> {
    for (const resource of ['configmaps', 'secrets'] as const) {
      for (const { metadata } of await rig.all(resource)) {
        const made = metadata.name.includes('-rda-') || metadata.name === FINGERPRINT_KEY_SECRET;
        if (made || metadata.name === 'maybe') await rig.remove(resource, metadata.name);
      }
    }
    await rig.configMap('plain', { x: '1' });
  }
});

function template(version: string, { plain } = { plain: 'plain' }): PodTemplate {
  return {
    metadata: { labels: { app: plain === 'plain' ? 'api' : 'borrower', version } },
    spec: {
      containers: [
        {
          name: 'web',
          image: 'not-pulled',
          envFrom: [{ configMapRef: { name: plain } }, { configMapRef: { name: 'maybe', optional: true } }],
          env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }],
        },
      ],
    },
  };
}
