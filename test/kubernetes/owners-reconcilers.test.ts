import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ReconcilerName } from '../../src/adapters/platform/kubernetes/owners/owner.ts';
import { reconcilersOf } from '../../src/adapters/platform/kubernetes/owners/reconcilers-of.ts';
import {
  type ResumeInput,
  resumeReconciler,
} from '../../src/adapters/platform/kubernetes/owners/resume-reconciler.ts';
import { suspendReconciler } from '../../src/adapters/platform/kubernetes/owners/suspend-reconciler.ts';
import { SUSPENDED_ANNOTATION } from '../../src/adapters/platform/kubernetes/owners/suspension.ts';
import { systemClock } from '../../src/commands/system-clock.ts';
import type { StepContext } from '../../src/engine/step.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { PREFIX } from '../../src/kubernetes/names.ts';
import type { PodTemplate } from '../../src/kubernetes/objects.ts';
import type { Manifest } from './manifests.ts';
import { type TestNamespace, testNamespace, until } from './namespace.ts';
import { ensureReconcilerKinds, type ReconcilerLoop, reconcilerLoop } from './owners-loop.ts';
import { ask, deployment, made, said, viewsOf } from './preflight-rig.ts';
import { runProcess } from './run-process.ts';

const hasCluster = process.env.KUBECONFIG !== undefined;
if (!hasCluster) console.warn('SKIPPED: reconcilers in a cluster. Set KUBECONFIG to run it.');

const GOOD = template('rda.invalid/api:v2.14.3');
const BAD = template('rda.invalid/api:v2.14.4');
const AUTOMATED = { prune: true, selfHeal: true };
const BAD_COMMIT = 'b'.repeat(40);
const GOOD_COMMIT = 'a'.repeat(40);

describe.skipIf(!hasCluster)('reconcilers on the real API, played by a faithful loop', () => {
  let namespace: TestNamespace;
  let cluster: Cluster;
  let loop: ReconcilerLoop | undefined;

  beforeAll(async () => {
    await ensureReconcilerKinds();
  });

  beforeEach(async () => {
    namespace = await testNamespace('rda-owners');
    cluster = await connect();
  });

  afterEach(async () => {
    await loop?.stop();
    loop = undefined;
    await namespace.dispose();
  });

  const argo = (): ReconcilerName => ({ kind: 'argo-cd', namespace: namespace.name, name: 'shop' });
  const flux = (): ReconcilerName => ({
    kind: 'flux-kustomization',
    namespace: namespace.name,
    name: 'shop',
  });
  const suspend = (reconciler: ReconcilerName, context = contextOf()) =>
    suspendReconciler(cluster).apply(
      { reconciler, by: 'ann@example.com', why: 'errors since 10:20' },
      context,
    );
  const resumeInput = (reconciler: ReconcilerName): ResumeInput => ({
    reconciler,
    workloads: [{ namespace: namespace.name, workload: { kind: 'deployment', name: 'api' } }],
  });
  const resume = (reconciler: ReconcilerName) =>
    resumeReconciler(cluster).apply(resumeInput(reconciler), contextOf());
  const image = async () => {
    const { spec } = await namespace.get<{ spec: { template: PodTemplate } }>('deployment/api');
    return spec.template.spec.containers[0]?.image;
  };
  const rollBack = () => namespace.patch('deployment/api', { spec: { template: GOOD } });
  const application = () =>
    namespace.get<Manifest & { spec: Record<string, unknown> }>('applications.argoproj.io/shop');
  const kustomization = () =>
    namespace.get<Manifest & { spec: Record<string, unknown> }>(
      'kustomizations.kustomize.toolkit.fluxcd.io/shop',
    );

  test('Argo CD: fought without, suspended with, resumed only once git is the restored release', async () => {
    await namespace.apply(argoApplication(namespace.name), owned(namespace.name, 'argo-cd'));
    loop = reconcilerLoop(namespace, 'argo-cd', BAD);
    await rollBack();
    await until(async () => (await image()) === 'rda.invalid/api:v2.14.4');

    expect(await suspend(argo())).toEqual({ run: 'r-1' });
    await rollBack();
    const before = loop.applied;
    await loop.rounds(3);
    expect(await image()).toBe('rda.invalid/api:v2.14.3');
    expect(loop.applied).toBe(before);
    const held = await application();
    expect(held.spec.syncPolicy).toEqual({ syncOptions: ['CreateNamespace=true'] });
    expect(suspensionIn(held)).toMatchObject({ run: 'r-1', by: 'ann@example.com', before: AUTOMATED });

    const left = await resume(argo());
    expect(left).toMatchObject({ resumed: false, fix: expect.stringContaining('argocd app set shop') });
    expect(left.why).toContain('OutOfSync: git has another release');
    const stays = await application();
    expect(suspensionIn(stays)).toMatchObject({ run: 'r-1', left: left.why });
    expect(stays.spec.syncPolicy).toEqual({ syncOptions: ['CreateNamespace=true'] });

    loop.git(GOOD);
    expect(await resume(argo())).toMatchObject({ resumed: true });
    const again = await application();
    expect(again.spec.syncPolicy).toEqual({ syncOptions: ['CreateNamespace=true'], automated: AUTOMATED });
    expect(ownKeys(again)).toEqual([]);
    expect(again.metadata.annotations).toMatchObject({ team: 'shop' });
    await loop.rounds(2);
    expect(await image()).toBe('rda.invalid/api:v2.14.3');
    expect(loop.applied).toBe(before);
  });

  test('Flux: stays suspended, since it does not tell what it would make', async () => {
    await namespace.apply(fluxRepository(), fluxKustomization(), owned(namespace.name, 'flux'));
    await revision(BAD_COMMIT);
    loop = reconcilerLoop(namespace, 'flux', BAD);
    await suspend(flux());
    await rollBack();
    await loop.rounds(3);
    expect(await image()).toBe('rda.invalid/api:v2.14.3');
    const { spec } = await kustomization();
    expect(spec.suspend).toBe(true);

    expect(await resume(flux())).toMatchObject({
      resumed: false,
      why: 'Flux Kustomization shop compares nothing while it is suspended.',
      fix: expect.stringContaining(`flux resume kustomization shop -n ${namespace.name}`),
    });
    expect((await kustomization()).spec.suspend).toBe(true);
  });

  test('both steps see what is done, and doing them twice changes nothing more', async () => {
    await namespace.apply(argoApplication(namespace.name), owned(namespace.name, 'argo-cd'));
    const step = suspendReconciler(cluster);
    const input = { reconciler: argo(), by: 'ann', why: 'errors' };
    expect(await step.observe(input, contextOf())).toEqual({ state: 'pending', before: AUTOMATED });
    await step.apply(input, contextOf());
    expect(await step.observe(input, contextOf())).toEqual({ state: 'done', output: { run: 'r-1' } });
    const once = await application();
    await step.apply(input, contextOf());
    expect(await application()).toEqual(once);

    loop = reconcilerLoop(namespace, 'argo-cd', BAD);
    const back = resumeReconciler(cluster);
    expect(await back.observe(resumeInput(argo()), contextOf())).toMatchObject({ state: 'pending' });
    await back.apply(resumeInput(argo()), contextOf());
    expect(await back.observe(resumeInput(argo()), contextOf())).toEqual({
      state: 'done',
      output: { resumed: true, why: 'Argo CD application shop reconciles.' },
    });
  });

  test('what somebody else suspended is left alone', async () => {
    await namespace.apply(fluxKustomization({ suspend: true }));
    expect(await suspend(flux())).toEqual({ run: undefined });
    const step = resumeReconciler(cluster);
    expect(await step.observe(resumeInput(flux()), contextOf())).toMatchObject({
      state: 'done',
      output: { resumed: false, why: expect.stringContaining('suspended by somebody else') },
    });
    expect((await kustomization()).spec.suspend).toBe(true);
  });

  test('a client whose lease is older does not suspend what a later one holds', async () => {
    await namespace.apply(argoApplication(namespace.name));
    await suspend(argo(), contextOf({ epoch: 5 }));
    await namespace.patch('applications.argoproj.io/shop', {
      spec: { syncPolicy: { automated: AUTOMATED } },
    });
    await expect(suspend(argo(), contextOf({ epoch: 4 }))).rejects.toMatchObject({ code: 'STALE_EPOCH' });
  });

  test('a sync that is running is waited for', async () => {
    await namespace.apply(argoApplication(namespace.name));
    await namespace.patch('applications.argoproj.io/shop', {
      status: { operationState: { phase: 'Running' } },
    });
    const said: string[] = [];
    const context = contextOf({
      progress(message) {
        said.push(message);
        void namespace.patch('applications.argoproj.io/shop', {
          status: { operationState: { phase: 'Succeeded' } },
        });
      },
    });
    await suspend(argo(), context);
    expect(said).toEqual(['waiting for Argo CD application shop: a sync is running']);
  });

  test('the plan is told who is to be suspended, and the preflight says what comes of it', async () => {
    await namespace.apply(argoApplication(namespace.name), owned(namespace.name, 'argo-cd'));
    await made(namespace, 1);
    const views = await viewsOf(cluster, namespace.name, 'deployment/api');
    expect(await reconcilersOf(cluster, views, AbortSignal.timeout(20_000))).toEqual([argo()]);

    const about = async (reconciler: 'suspend' | 'refuse' | 'git-revert') =>
      (await ask(namespace, { platform: { reconciler } })).filter(({ check }) => check === 'ownership');
    expect((await about('suspend'))[0]).toMatchObject({
      status: 'warn',
      title: 'Argo CD application shop puts back what git says: it will be suspended',
    });
    expect((await about('refuse'))[0]).toMatchObject({ status: 'fail', blocking: true });
    await namespace.patch('applications.argoproj.io/shop', {
      status: {
        sync: { revision: BAD_COMMIT },
        history: [{ revision: GOOD_COMMIT }, { revision: BAD_COMMIT }],
      },
    });
    const [refused] = await about('git-revert');
    expect(refused).toMatchObject({ status: 'fail', blocking: true });
    expect(refused?.fix[0]).toBe(
      `git clone --branch main https://git.example.com/shop.git revert && cd revert && git checkout ${GOOD_COMMIT} -- deploy/shop && git commit -m 'Revert deploy/shop to aaaaaaaaaaaa' && git push origin main`,
    );
  });

  test('an application that is itself declared would be resumed by its parent: refused', async () => {
    const child = argoApplication(namespace.name);
    child.metadata.annotations = { 'argocd.argoproj.io/tracking-id': 'root:argoproj.io/Application:x/shop' };
    await namespace.apply(child, owned(namespace.name, 'argo-cd'));
    const ownership = said(await ask(namespace), 'ownership');
    expect(ownership[0]).toContain('fail! Argo CD application shop is itself declared by application root');
  });

  test('a HorizontalPodAutoscaler is said and stops nothing; an operator stops', async () => {
    const scaler = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'api' },
      spec: {
        minReplicas: 1,
        maxReplicas: 4,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'api' },
      },
    };
    await namespace.apply(deployment(), scaler, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'owner' },
    });
    expect(said(await ask(namespace), 'ownership').join()).toMatch(
      /^ok deployment\/api is scaled by HPA api: its live number of pods stays/,
    );
    const { metadata } = await namespace.get<Manifest & { metadata: { uid: string } }>('configmap/owner');
    const reference = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: 'owner',
      uid: metadata.uid,
      controller: true,
    };
    await namespace.patch('deployment/api', { metadata: { ownerReferences: [reference] } });
    expect(said(await ask(namespace), 'ownership').join('\n')).toContain(
      'fail! deployment/api belongs to ConfigMap owner',
    );
  });

  test('who wrote the template is read from the server, whatever a watch leaves out', async () => {
    const apply = (manager: string, meta: object) =>
      namespace.kubectl(['apply', '--server-side', `--field-manager=${manager}`, '--filename', '-'], {
        input: JSON.stringify(deployment({ meta })),
      });
    await apply('terraform', {});
    expect(said(await ask(namespace), 'ownership').join()).toMatch(
      /^warn terraform declares deployment\/api/,
    );
    await namespace.kubectl(['delete', 'deployment', 'api']);
    await apply('helm', {
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'meta.helm.sh/release-name': 'api', 'meta.helm.sh/release-namespace': namespace.name },
    });
    const helm = (await ask(namespace)).find(({ title }) => title.includes('Helm release api'));
    expect(helm?.evidence.join()).toContain('with the values of the newer release it brings that back');
    await namespace.kubectl(['delete', 'deployment', 'api']);
    await apply('argocd-controller', { labels: { 'app.kubernetes.io/instance': 'shop-of-nobody' } });
    expect(said(await ask(namespace), 'ownership').join()).toMatch(
      /^unknown! deployment\/api has the marks of Argo CD application shop-of-nobody/,
    );
  });

  async function revision(commit: string): Promise<void> {
    const status = { artifact: { revision: `main@sha1:${commit}` } };
    const args = ['patch', 'gitrepositories.source.toolkit.fluxcd.io/shop', '--subresource', 'status'];
    await runProcess('kubectl', [
      '-n',
      namespace.name,
      ...args,
      '--type',
      'merge',
      '-p',
      JSON.stringify({ status }),
    ]);
  }
});

function contextOf(more: Partial<StepContext> = {}): StepContext {
  return {
    runId: 'r-1',
    epoch: 1,
    outputs: new Map(),
    clock: systemClock,
    movedAtMs: undefined,
    signal: AbortSignal.timeout(60_000),
    progress: () => {},
    ...more,
  };
}

function suspensionIn({ metadata }: Manifest): unknown {
  return JSON.parse(metadata.annotations?.[SUSPENDED_ANNOTATION] ?? 'null');
}

function ownKeys({ metadata }: Manifest): string[] {
  return Object.keys(metadata.annotations ?? {}).filter((key) => key.startsWith(PREFIX));
}

function template(image: string): PodTemplate {
  return { metadata: { labels: { app: 'api' } }, spec: { containers: [{ name: 'app', image }] } };
}

/** The Deployment as its reconciler marks it, with the bad release. */
function owned(namespace: string, by: 'argo-cd' | 'flux'): Manifest {
  const group = 'kustomize.toolkit.fluxcd.io';
  const tracking = `${namespace}_shop:apps/Deployment:${namespace}/api`;
  const meta =
    by === 'argo-cd'
      ? { annotations: { 'argocd.argoproj.io/tracking-id': tracking } }
      : { labels: { [`${group}/name`]: 'shop', [`${group}/namespace`]: namespace } };
  return deployment({ meta, spec: { template: BAD } });
}

function argoApplication(namespace: string): Manifest {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name: 'shop', annotations: { team: 'shop' } },
    spec: {
      destination: { namespace },
      source: { repoURL: 'https://git.example.com/shop.git', path: 'deploy/shop', targetRevision: 'main' },
      syncPolicy: { automated: AUTOMATED, syncOptions: ['CreateNamespace=true'] },
    },
  };
}

function fluxKustomization(more: object = {}): Manifest {
  const sourceRef = { kind: 'GitRepository', name: 'shop' };
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name: 'shop' },
    spec: { interval: '10m', prune: true, path: './deploy', sourceRef, ...more },
  };
}

function fluxRepository(): Manifest {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name: 'shop' },
    spec: { interval: '10m', url: 'https://git.example.com/shop.git', ref: { branch: 'main' } },
  };
}
