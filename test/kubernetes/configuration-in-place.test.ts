import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { killProxy } from './kill-proxy.ts';
import { leftBehind, withoutTemplate } from './left-behind.ts';
import { configMapManifest, type Manifest, secretManifest, type WorkloadKind } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { roleWithout } from './role-without.ts';
import type { ProcessResult } from './run-process.ts';

if (!hasCluster)
  console.warn(
    'SKIPPED: configuration of StatefulSets and DaemonSets. Set KUBECONFIG and REGISTRY to run it.',
  );

const GOOD = 'v2.14.3';
const BAD = 'v2.14.4';
const OLD = { file: '{"pageSize":10}', password: 'before-the-rotation' };
const NEW = { file: '{"pageSize":50}', password: 'after-the-rotation' };
/** What an encoder can write in more than one way, in a template that controllers compare byte by byte. */
const TEXTS = { labels: { '10': 'ten', '9': 'nine' }, env: { TEXT: 'a < b && c > "d" \u2028 é\t' } };
const ACCEPT = ['--accept', 'downtime', '--reason', 'one node'];
const MADE = { StatefulSet: 'api-', DaemonSet: '' } as const;

describe.skipIf(!hasCluster)('a ConfigMap was edited and a password rotated between two releases', () => {
  let rig: KubernetesRig;
  const folders: string[] = [];
  afterEach(async () => {
    await rig?.dispose();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  it.each([
    { kind: 'StatefulSet', replicas: 2, lost: false },
    { kind: 'DaemonSet', replicas: 1, lost: true },
  ] as const)(
    'under the very Role, a $kind gets back what the release had, and the live objects stay',
    async ({ kind, replicas, lost }) => {
      // Full with one: the controller cleans up what it takes for older.
      await edited(kind, replicas, { spec: { revisionHistoryLimit: 1 } });
      const { stdout: role } = await rig.rda(['init', '--rbac', '--namespace', rig.namespace]);
      const { kubeconfig } = await rig.limitedUser(role);
      const name = 'makes-no-revision';
      const lesser = roleWithout(role, 'controllerrevisions', 'create', name);
      const { kubeconfig: less } = await rig.limitedUser(lesser, { name });
      const live = await liveObjects();
      const before = await rig.configured();
      const known = await revisions();

      const accepted = [...rollback(), ...(lost ? ACCEPT : [])];
      const refused = await rig.rda(accepted, { env: { KUBECONFIG: less } });
      expect([refused.exit, refused.stdout + refused.stderr]).toEqual([
        4,
        expect.stringContaining('create controllerrevisions.apps'),
      ]);
      expect(await rig.configured()).toEqual(before);
      expect(await revisions()).toEqual(known);

      const load = await rig.load();
      await until(async () => (await load.soFar()).ok > 100);
      const run = await rig.rda(accepted, { env: { KUBECONFIG: kubeconfig } });
      const { reasons } = await load.stop();
      expect([run.exit, run.stdout + run.stderr]).toEqual([
        0,
        expect.stringContaining(`to ${GOOD} completed`),
      ]);
      expect(run.stdout + run.stderr).not.toContain('does not go back');
      // On one node nothing serves until the replacement does.
      if (!lost) expect(reasons).toEqual({});

      await rig.settled();
      expect(await rig.configurations()).toEqual(Array(replicas).fill(seen(GOOD, OLD)));
      expect(await liveObjects()).toEqual(live);
      const after = await rig.configured();
      expect(after.service).toEqual(before.service);
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      expect(await leftBehind(rig)).toEqual([]);
      // The one that was made beforehand, and none that the controller made.
      const made = (await revisions()).filter(({ name }) => !known.some((one) => one.name === name));
      expect(made).toEqual([
        { name: expect.stringMatching(/^api-[0-9a-f]{10}$/), revision: newestOf(await revisions()) },
      ]);
      const hash = made[0]?.name.slice('api-'.length);
      expect(new Set(await podRevisions())).toEqual(new Set([`${MADE[kind]}${hash}`]));

      // kubectl goes on from there, forward and back.
      await rig.deploy(BAD);
      expect(await rig.configurations()).toEqual(Array(replicas).fill(seen(BAD, OLD)));
      await rig.kubectl(['rollout', 'undo', rig.target]);
      await rig.settled();
      expect(await rig.configurations()).toEqual(Array(replicas).fill(seen(GOOD, OLD)));
      expect(new Set(await podRevisions())).toEqual(new Set([`${MADE[kind]}${hash}`]));
    },
  );

  it.each([
    { kind: 'StatefulSet', replicas: 2 },
    { kind: 'DaemonSet', replicas: 1 },
  ] as const)(
    'a $kind whose controller makes a revision of its own all the same stays on the start',
    async ({ kind, replicas }) => {
      await edited(kind, replicas);
      const before = await rig.configured();
      const pods = await podUids();
      await makeUnequalRevision(kind);
      const run = await rig.rda([...rollback(), ...ACCEPT]);
      expect([run.exit, run.stdout + run.stderr]).toEqual([
        1,
        expect.stringContaining('REVISION_NOT_TAKEN_UP'),
      ]);
      await rig.settled();
      expect(await podUids()).toEqual(pods);
      expect(await rig.configurations()).toEqual(Array(replicas).fill(seen(BAD, NEW)));
      expect(await rig.configured()).toEqual(before);
      expect(await leftBehind(rig)).toEqual([]);
    },
  );

  it('killed right after the revision was made, and resumed or aborted from an empty folder', async () => {
    // Of three releases, so that what was made and never ran could pass for the newest of its version.
    await edited('StatefulSet', 2, { between: 'v2.14.5' });
    const known = await revisions();
    for (const goOnBy of ['abort', 'resume']) {
      const before = await rig.configured();
      expect(await killedBefore('done create-revision')).toBe(137);
      expect(await revisions()).toHaveLength(known.length + 1);
      const second = await rig.rda([goOnBy, '--namespace', rig.namespace, '--yes']);
      expect([second.exit, second.stdout + second.stderr]).toEqual([0, expect.any(String)]);
      await rig.settled();
      const ended = goOnBy === 'abort' ? seen(BAD, NEW) : seen(GOOD, OLD);
      expect(await rig.configurations()).toEqual([ended, ended]);
      const after = await rig.configured();
      expect(withoutTemplate(after.workload)).toEqual(withoutTemplate(before.workload));
      expect(after.service).toEqual(before.service);
      expect(await leftBehind(rig)).toEqual([]);
    }
    expect(await revisions()).toHaveLength(known.length + 1);
  });

  /** `GOOD` was recorded with `OLD`; `BAD` runs with `NEW`. */
  async function edited(
    kind: WorkloadKind,
    replicas: number,
    { spec = {}, between }: { spec?: object; between?: string } = {},
  ): Promise<void> {
    rig = await kubernetesRig({
      ...TEXTS,
      kind,
      replicas,
      spec: { ...spec },
      versions: [GOOD],
      config: { 'config.json': OLD.file },
      password: OLD.password,
    });
    const cwd = await mkdtemp(join(tmpdir(), 'rda-config-'));
    folders.push(cwd);
    await writeFile(join(cwd, 'rollback.yaml'), configuration(rig, kind));
    const recorded = await rig.rda(['snapshot'], { cwd });
    expect([recorded.exit, recorded.stderr]).toEqual([0, expect.any(String)]);
    await rig.apply(
      secretManifest('api-secret', { password: NEW.password }),
      configMapManifest('api-config', { 'config.json': NEW.file }),
    );
    if (between) {
      await rig.startDeploy(between);
      await until(async () => (await revisions()).length === 2);
    }
    await rig.deploy(BAD);
    expect(await rig.configurations()).toEqual(Array(replicas).fill(seen(BAD, NEW)));
  }

  function rollback(): string[] {
    return [
      ...[rig.target, '-n', rig.namespace, '--version', GOOD, '--restore-secrets', 'api-secret'],
      ...['--strategy', 'rolling', '--yes', '--monitor', '0'],
    ];
  }

  /** What the plan would make, with its keys in an order that no encoder of the controllers gives. */
  async function makeUnequalRevision(kind: WorkloadKind): Promise<void> {
    const planned = await rig.rda([...rollback(), ...ACCEPT, '--dry-run', '--output', 'json']);
    const { release, template } = createRevisionIn(planned);
    const { uid } = (await rig.get<{ metadata: { uid: string } }>(rig.target)).metadata;
    const [name, labels] =
      kind === 'StatefulSet' ? [release, {}] : [`api-${release}`, { 'controller-revision-hash': release }];
    const input = JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name,
        labels: { ...template.metadata.labels, ...labels },
        ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'api', uid, controller: true }],
      },
      data: { spec: { template: { spec: template.spec, metadata: template.metadata, $patch: 'replace' } } },
      revision: 1,
    });
    const path = `/apis/apps/v1/namespaces/${rig.namespace}/controllerrevisions`;
    await rig.kubectl(['create', '--raw', path, '--filename', '-'], { input });
  }

  /** Exit code of a client that is killed when it sends this entry of its journal; the entry is never stored. */
  async function killedBefore(entry: string): Promise<number> {
    let client: Awaited<ReturnType<KubernetesRig['startRda']>> | undefined;
    const proxy = await killProxy(rig.namespace, {
      write: entry,
      when: 'before',
      async kill() {
        client?.child.kill('SIGKILL');
        await client?.ended;
      },
    });
    try {
      client = await rig.startRda(rollback(), { env: { KUBECONFIG: proxy.kubeconfig } });
      return (await client.ended).exit;
    } finally {
      await proxy.close();
    }
  }

  async function liveObjects(): Promise<unknown[]> {
    return Promise.all(
      ['configmap/api-config', 'secret/api-secret'].map(async (object) => {
        const { data, metadata } = await rig.get<Manifest>(object);
        return { data, resourceVersion: metadata.resourceVersion };
      }),
    );
  }

  async function revisions(): Promise<{ name: string; revision: number }[]> {
    const all = await rig.list<Manifest & { revision: number }>('controllerrevisions');
    return all.map(({ metadata, revision }) => ({ name: metadata.name, revision }));
  }

  async function podRevisions(): Promise<string[]> {
    const pods = await rig.list('pods', '--selector', 'app=api');
    return pods.map(({ metadata }) => metadata.labels?.['controller-revision-hash'] ?? '');
  }

  async function podUids(): Promise<unknown[]> {
    const pods = await rig.list('pods', '--selector', 'app=api');
    return pods.map(({ metadata }) => metadata.uid).sort();
  }
});

interface CreateRevision {
  release: string;
  template: { metadata: { labels: Record<string, string> }; spec: object };
}

function createRevisionIn({ stdout, stderr }: ProcessResult): CreateRevision {
  const { steps } = JSON.parse(stdout) as { steps: { kind: string; input: unknown }[] };
  const step = steps.find(({ kind }) => kind === 'create-revision');
  if (!step) throw new Error(`The plan makes no revision.\n${stdout}\n${stderr}`);
  return step.input as CreateRevision;
}

function newestOf(all: { revision: number }[]): number {
  return Math.max(...all.map(({ revision }) => revision));
}

function seen(version: string, { file, password }: typeof OLD) {
  return { version, pod: expect.any(String), file, password };
}

function configuration({ namespace, target }: KubernetesRig, kind: WorkloadKind): string {
  return `services:
  ${kind.toLowerCase()}-api:
    platform:
      kind: kubernetes
      namespace: ${namespace}
      workloads: [${target}]
      restoreSecrets: [api-secret]
    registry: { kind: distribution }
`;
}
