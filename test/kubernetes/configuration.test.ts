import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kubernetesConfigurationSource } from '../../src/adapters/configuration/kubernetes.ts';
import { restorationFindings } from '../../src/adapters/platform/kubernetes/configuration/findings.ts';
import { readSnapshots } from '../../src/adapters/platform/kubernetes/configuration/release-snapshot.ts';
import { restoredTemplate } from '../../src/adapters/platform/kubernetes/restore-configuration.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import { fileStore } from '../../src/adapters/store/file.ts';
import type { StateStore } from '../../src/adapters/store/store.ts';
import { type SnapshotResult, snapshot, snapshotText } from '../../src/commands/snapshot.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import { configReferences } from '../../src/kubernetes/config-references.ts';
import { type ConfigurationToday, readToday } from '../../src/kubernetes/configuration-objects.ts';
import { FINGERPRINT_KEY_SECRET, fingerprintKey } from '../../src/kubernetes/fingerprint-key.ts';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';
import { type ConfigurationRig, configurationRig, FILE_SERVER, NEVER } from './configuration-rig.ts';
import { pushImage } from './images.ts';

const PASSWORD = 'correct-horse-battery';
const NEW_PASSWORD = 'staple-after-rotation';
const TOKEN = 'projected-token-value';

const { KUBECONFIG, REGISTRY, CI } = process.env;
const missing = [!KUBECONFIG && 'KUBECONFIG', !REGISTRY && 'REGISTRY'].filter(Boolean);
test.runIf(CI)('a cluster is there', () => expect(missing).toEqual([]));

describe.skipIf(missing.length > 0)('configuration of a release, on a cluster', { timeout: 120_000 }, () => {
  let rig: ConfigurationRig;
  let folder: string;
  let store: StateStore;
  let image: string;
  let old: WorkloadView;

  beforeAll(async () => {
    rig = await configurationRig();
    folder = await mkdtemp(join(tmpdir(), 'rda-configuration-'));
    store = fileStore({ path: folder, clock: systemClock });
    image = (await pushImage('configuration')).reference;
    await rig.configMap('api', { mode: 'old', 'config.json': '{"release":"old"}' });
    await rig.configMap('shared', { flag: 'old' });
    await rig.configMap('steady', { never: 'changes' });
    await rig.secret('db', { password: PASSWORD });
    await rig.secret('token', { token: TOKEN, unused: 'x' });
    const [first] = await Promise.all([rig.roll('api', api('v1')), rig.roll('other', other())]);
    old = first;
  }, 120_000);
  afterAll(async () => {
    await rig?.end();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const take = async (copySecrets: string[] = []) => {
    const stop = { requested: NEVER, immediate: NEVER };
    const context = { serviceName: 'shop', clock: systemClock, stop, adapters: { store } };
    const { cluster, namespace } = rig;
    const views = [await rig.view('api')];
    const { json } = await snapshot(context, { cluster, namespace, views, copySecrets });
    return json as SnapshotResult;
  };

  const today = async (template: PodTemplate): Promise<ConfigurationToday> => {
    const { cluster, namespace } = rig;
    const key = await fingerprintKey(cluster, namespace, { make: false, signal: NEVER });
    return readToday({ cluster, namespace, references: configReferences(template), key, signal: NEVER });
  };

  const restore = async (restoreSecrets: string[], dryRun = false, view = old) => {
    const { cluster, namespace } = rig;
    const template = view.revisions.find(({ id }) => id === view.current)?.template as PodTemplate;
    const recorded = (await readSnapshots(store, 'shop'))[view.current as string];
    const common = { cluster, namespace, service: 'shop', version: 'v1', template, signal: NEVER, dryRun };
    const plan = await restoredTemplate({
      ...common,
      snapshot: recorded,
      today: await today(template),
      restoreSecrets,
    });
    return { template, plan };
  };

  test('a release that nobody recorded uses what is there today, and the check says so', async () => {
    const { template, plan } = await restore(['db']);
    expect(plan.template).toBe(template);
    expect(restorationFindings('v1', plan)).toMatchObject([
      { status: 'ok', blocking: false },
      { status: 'warn', title: "Configuration of v1 was not recorded; today's is used", blocking: false },
    ]);
    expect((await rig.all('secrets')).map(({ metadata }) => metadata.name)).not.toContain(
      FINGERPRINT_KEY_SECRET,
    );
  });

  test('a snapshot makes immutable copies of ConfigMaps, and fingerprints of Secrets', async () => {
    const { recorded } = await take();
    expect(recorded).toMatchObject([
      {
        workload: 'deployment/api',
        revision: old.current,
        availableAt: expect.any(String),
        images: { web: [expect.stringMatching(/@sha256:[0-9a-f]{64}$/)] },
        objects: [
          {
            kind: 'ConfigMap',
            name: 'api',
            exists: true,
            copy: expect.stringMatching(/^api-rda-[0-9a-f]{8}$/),
          },
          { kind: 'ConfigMap', name: 'extra', exists: false },
          { kind: 'ConfigMap', name: 'shared', exists: true },
          { kind: 'ConfigMap', name: 'steady', exists: true },
          { kind: 'Secret', name: 'db', exists: true },
          { kind: 'Secret', name: 'token', exists: true },
        ],
        unrecorded: [],
      },
    ]);
    expect(recorded[0]?.objects.filter(({ kind }) => kind === 'Secret')).toEqual([
      { kind: 'Secret', name: 'db', exists: true },
      { kind: 'Secret', name: 'token', exists: true },
    ]);
    const name = recorded[0]?.objects[0]?.copy as string;
    const path = pathOf('configmaps', rig.namespace, name);
    expect(await rig.cluster.get(path)).toMatchObject({
      immutable: true,
      data: { mode: 'old', 'config.json': '{"release":"old"}' },
      metadata: { labels: { 'rollback-deploy-auto/service': 'shop' } },
    });
    await expect(rig.cluster.mergePatch(path, { data: { mode: 'x' } })).rejects.toMatchObject({
      code: 'KUBERNETES_INVALID',
    });
  });

  test('taken again, and by four at once, it makes nothing more', async () => {
    const uids = async () =>
      [...(await rig.all('configmaps')), ...(await rig.all('secrets'))]
        .map(({ metadata }) => metadata.uid)
        .sort();
    const before = await uids();
    await Promise.all([take(), take(), take(), take()]);
    expect(await uids()).toEqual(before);
  });

  test('a shared ConfigMap that was edited goes back as a copy; the other workload and live objects stay', async () => {
    await rig.configMap('api', { mode: 'new', 'config.json': '{"release":"new"}' });
    await rig.configMap('shared', { flag: 'new' });
    await rig.configMap('extra', { EXTRA: 'added' });
    await rig.secret('db', { password: NEW_PASSWORD });
    await rig.secret('token', { token: TOKEN, unused: 'changed, and not used' });
    await rig.roll('api', api('v2'));
    expect((await take()).recorded[0]?.unrecorded).toEqual([]);
    expect(await rig.fileIn('api', '/proc/self/environ')).toContain('EXTRA=added');
    await eventually(async () => {
      await rig.touch('other');
      return rig.fileIn('other', '/etc/shared/flag');
    }, 'new');
    const neighbour = await rig.view('other');
    const live = await liveVersions();

    const { template, plan: tried } = await restore([], true);
    expect(await liveVersions()).toEqual(live);
    const { plan } = await restore([]);
    expect(plan).toEqual(tried);
    expect(plan.copies.map(({ of }) => of)).toEqual(['api', 'extra', 'shared']);
    expect(plan.missing).toEqual([]);
    expect(plan.differs).toEqual(["Secret db has changed since v1 was recorded; today's is used."]);
    const names = plan.copies.reduce(
      (text, { of, name }) => text.replaceAll(`"name":"${of}"`, `"name":"${name}"`),
      JSON.stringify(template.spec),
    );
    expect(configReferences(plan.template)).toEqual(configReferences({ spec: JSON.parse(names) }));

    await rig.roll('api', plan.template);
    const environment = await rig.fileIn('api', '/proc/self/environ');
    expect(environment).toContain('MODE=old');
    expect(environment).toContain(`PASSWORD=${NEW_PASSWORD}`);
    expect(environment).not.toContain('EXTRA=');
    expect(await rig.fileIn('api', '/etc/app/config.json')).toBe('{"release":"old"}');
    expect(await rig.fileIn('api', '/etc/together/flag')).toBe('old');
    expect(await rig.fileIn('api', '/etc/together/token')).toBe(TOKEN);

    expect(await rig.fileIn('other', '/etc/shared/flag')).toBe('new');
    const after = await rig.view('other');
    expect(after.object.metadata.generation).toBe(neighbour.object.metadata.generation);
    expect(after.pods.map(({ metadata }) => metadata.uid)).toEqual(
      neighbour.pods.map(({ metadata }) => metadata.uid),
    );
    expect(await liveVersions()).toEqual(live);
  });

  test('a restored release is recorded with the copies it has: nothing is copied twice', async () => {
    const before = (await rig.all('configmaps')).length;
    const { recorded } = await take();
    expect((await rig.all('configmaps')).length).toBe(before);
    const [first] = recorded[0]?.objects ?? [];
    expect(first?.copy).toBe(first?.name);
    const { template, plan } = await restore([], false, await rig.view('api'));
    expect(plan.template).toBe(template);
  });

  test('a Secret goes back where it is named and was copied, and only then', async () => {
    await expect(restore(['db'])).rejects.toMatchObject({
      code: 'CONFIGURATION_MISSING',
      detail: 'Secret db has changed, and no copy of it was made when v1 was recorded.',
    });
    const newer = await rig.roll('api', api('v3'));
    const { recorded } = await take(['db']);
    const copy = recorded[0]?.objects.find(({ name }) => name === 'db')?.copy;
    expect(copy).toMatch(/^db-rda-/);
    await rig.secret('db', { password: 'rotated once more' });

    expect((await restore([], false, newer)).plan.copies).toEqual([]);
    const { plan } = await restore(['db'], false, newer);
    expect(plan.copies).toMatchObject([{ kind: 'Secret', name: copy, of: 'db' }]);
    await rig.roll('api', plan.template);
    expect(await rig.fileIn('api', '/proc/self/environ')).toContain(`PASSWORD=${NEW_PASSWORD}`);
    const live = (await rig.all('secrets')).find(({ metadata }) => metadata.name === 'db');
    expect(live?.data?.password).toBe(Buffer.from('rotated once more').toString('base64'));
    // A later snapshot that copies none keeps the copy that is there.
    await rig.secret('db', { password: NEW_PASSWORD });
    await rig.roll('api', api('v3'));
    expect((await take()).recorded[0]?.objects.find(({ name }) => name === 'db')?.copy).toBe(copy);
  });

  test('no value of a Secret is in a ConfigMap, in the state folder or in what the command says', async () => {
    const result = await take(['token']);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const contents = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
    const texts = [
      JSON.stringify(await rig.all('configmaps')),
      JSON.stringify(result),
      snapshotText(result),
      ...(await Promise.all(contents)),
    ];
    expect(contents.length).toBeGreaterThan(0);
    for (const value of [PASSWORD, NEW_PASSWORD, TOKEN, 'rotated once more']) {
      for (const text of texts) {
        expect(text).not.toContain(value);
        expect(text).not.toContain(Buffer.from(value).toString('base64'));
      }
    }
  });

  test("today's configuration as facts, by reading only", async () => {
    const { cluster, namespace } = rig;
    const view = await rig.view('api');
    const templates = async () => view.revisions.map(({ template }) => template);
    const source = kubernetesConfigurationSource({ cluster: async () => cluster, namespace, templates });
    const facts = await source.read(NEVER);
    expect(facts.files['configmap:steady/never']).toMatch(/^[0-9a-f]{64}$/);
    expect(facts.files['configmap:nothing/there']).toBeUndefined();
    expect(facts.secrets['db/password']).toEqual({
      source: 'secret:db/password',
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await source.read(NEVER)).toEqual(facts);
  });

  /** Of everything that is not a copy of ours. */
  async function liveVersions(): Promise<Record<string, string>> {
    const all = [...(await rig.all('configmaps')), ...(await rig.all('secrets'))];
    return Object.fromEntries(
      all
        .filter(({ metadata }) => !metadata.name.includes('-rda-'))
        .map(({ metadata }) => [metadata.uid, metadata.resourceVersion]),
    );
  }

  function api(version: string): PodTemplate {
    return {
      metadata: { labels: { app: 'api', version } },
      spec: {
        terminationGracePeriodSeconds: 1,
        initContainers: [
          {
            name: 'init',
            image,
            command: ['/usr/local/bin/node', '-e', '0'],
            envFrom: [{ configMapRef: { name: 'steady' } }],
          },
        ],
        containers: [
          {
            name: 'web',
            image,
            command: FILE_SERVER,
            env: [
              { name: 'MODE', valueFrom: { configMapKeyRef: { name: 'api', key: 'mode' } } },
              { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
            ],
            envFrom: [{ configMapRef: { name: 'extra', optional: true } }],
            volumeMounts: [
              { name: 'app', mountPath: '/etc/app' },
              { name: 'together', mountPath: '/etc/together' },
            ],
          },
        ],
        volumes: [
          { name: 'app', configMap: { name: 'api' } },
          {
            name: 'together',
            projected: {
              sources: [
                { configMap: { name: 'shared' } },
                { secret: { name: 'token', items: [{ key: 'token', path: 'token' }] } as { name: string } },
              ],
            },
          },
        ],
      },
    };
  }

  function other(): PodTemplate {
    return {
      metadata: { labels: { app: 'other' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'web',
            image,
            command: FILE_SERVER,
            volumeMounts: [{ name: 'shared', mountPath: '/etc/shared' }],
          },
        ],
        volumes: [{ name: 'shared', configMap: { name: 'shared' } }],
      },
    };
  }
});

/** The kubelet brings a ConfigMap's new content into a volume in its own time. */
async function eventually(read: () => Promise<string>, expected: string): Promise<void> {
  while ((await read()) !== expected) await new Promise((resolve) => setTimeout(resolve, 1000));
}
