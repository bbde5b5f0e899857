import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type HelmSecret, newestRelease } from '../../src/adapters/platform/kubernetes/owners/helm-record.ts';
import type { OtherObjects } from '../../src/adapters/platform/kubernetes/owners/owner.ts';
import { ownersOf } from '../../src/adapters/platform/kubernetes/owners/owners-of.ts';
import { reconcilerSteps } from '../../src/adapters/platform/kubernetes/owners/reconciler-steps.ts';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import type { ObjectMeta } from '../../src/kubernetes/objects.ts';

const NOBODY: OtherObjects = { autoscalers: [], scaledObjects: [], helmReleases: new Map() };
const TEMPLATE_WRITTEN = { 'f:spec': { 'f:template': {}, 'f:replicas': {} } };

function view(metadata: Partial<ObjectMeta>): WorkloadView {
  const own = { name: 'api', namespace: 'shop', uid: 'u', resourceVersion: '1', creationTimestamp: '' };
  return {
    workload: { kind: 'deployment', name: 'api' },
    object: {
      metadata: { ...own, ...metadata },
      spec: { selector: {}, template: { spec: { containers: [] } } },
    },
    revisions: [],
    current: undefined,
    pods: [],
    services: [],
    slices: [],
  };
}

function meta(name: string): ObjectMeta {
  return { name, namespace: 'shop', uid: name, resourceVersion: '1', creationTimestamp: '' };
}

const owners = (metadata: Partial<ObjectMeta>, others = NOBODY) => ownersOf([view(metadata)], others);

test('nobody else is nobody', () => {
  const managedFields = ['kubectl-client-side-apply', 'kube-controller-manager', 'rollback-deploy-auto'].map(
    (manager) => ({ manager, operation: 'Update', fieldsV1: TEMPLATE_WRITTEN }),
  );
  expect(owners({ managedFields })).toEqual([]);
});

test('an operator is known by the owner reference of a controller', () => {
  const reference = { apiVersion: 'db.example.com/v1', kind: 'Cluster', name: 'pg', uid: 'x' };
  expect(owners({ ownerReferences: [reference] })).toEqual([]);
  expect(owners({ ownerReferences: [{ ...reference, controller: true }] })).toMatchObject([
    { kind: 'operator', owner: { kind: 'Cluster', name: 'pg' } },
  ]);
});

describe('Argo CD', () => {
  const tracked = (id: string) => owners({ annotations: { 'argocd.argoproj.io/tracking-id': id } });

  test('is known by the tracking id, whose application may be in another namespace', () => {
    expect(tracked('shop:apps/Deployment:shop/api')).toMatchObject([
      { kind: 'reconciler', reconciler: { kind: 'argo-cd', name: 'shop', namespace: undefined } },
    ]);
    expect(tracked('team_shop:apps/Deployment:shop/api')).toMatchObject([
      { reconciler: { name: 'shop', namespace: 'team' } },
    ]);
  });

  test('a tracking id that was copied from another object is not one', () => {
    expect(tracked('shop:apps/Deployment:shop/web')).toEqual([]);
    expect(tracked('shop:example.com/Api:shop/api')).toEqual([]);
  });

  test('is known by the instance label only where its controller wrote the object', () => {
    const labels = { 'app.kubernetes.io/instance': 'shop' };
    const managedFields = [{ manager: 'argocd-controller', operation: 'Apply', fieldsV1: TEMPLATE_WRITTEN }];
    expect(owners({ labels })).toEqual([]);
    expect(owners({ labels, managedFields })).toMatchObject([
      { reconciler: { kind: 'argo-cd', name: 'shop' } },
    ]);
  });
});

test('Flux is known by its labels', () => {
  const labels = {
    'kustomize.toolkit.fluxcd.io/name': 'apps',
    'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
    'helm.toolkit.fluxcd.io/name': 'api',
    'helm.toolkit.fluxcd.io/namespace': 'shop',
  };
  expect(owners({ labels })).toMatchObject([
    { reconciler: { kind: 'flux-kustomization', name: 'apps', namespace: 'flux-system' } },
    { reconciler: { kind: 'flux-helm-release', name: 'api', namespace: 'shop' } },
  ]);
});

test('HPA and KEDA are known by what they scale', () => {
  const scaleTargetRef = { kind: 'Deployment', name: 'api' };
  const others: OtherObjects = {
    ...NOBODY,
    autoscalers: [
      { metadata: meta('mine'), spec: { scaleTargetRef, minReplicas: 2, maxReplicas: 9 } },
      {
        metadata: meta('other'),
        spec: { scaleTargetRef: { ...scaleTargetRef, name: 'web' }, maxReplicas: 9 },
      },
      {
        metadata: meta('set'),
        spec: { scaleTargetRef: { kind: 'StatefulSet', name: 'api' }, maxReplicas: 9 },
      },
    ],
    // KEDA takes a Deployment where no kind is said.
    scaledObjects: [{ metadata: meta('queue'), spec: { scaleTargetRef: { name: 'api' } } }],
  };
  expect(owners({}, others)).toMatchObject([
    { kind: 'hpa', name: 'mine', min: 2, max: 9 },
    { kind: 'keda', name: 'queue', min: 0, max: 100 },
  ]);
});

test('another field manager counts where it wrote the template or the replicas, and not through a subresource', () => {
  const fields = (manager: string, operation: string, fieldsV1: unknown, subresource?: string) => ({
    manager,
    operation,
    fieldsV1,
    subresource,
  });
  const managedFields = [
    fields('terraform', 'Apply', TEMPLATE_WRITTEN),
    fields('ci-bot', 'Update', { 'f:spec': { 'f:template': {} } }),
    fields('labeller', 'Update', { 'f:metadata': { 'f:labels': {} } }),
    fields('scaler', 'Update', { 'f:spec': { 'f:replicas': {} } }, 'scale'),
  ];
  expect(owners({ managedFields })).toMatchObject([
    { kind: 'field-manager', manager: 'terraform', declares: true, fields: ['template', 'replicas'] },
    { kind: 'field-manager', manager: 'ci-bot', declares: false, fields: ['template'] },
  ]);
});

describe('Helm', () => {
  const record = (version: number, status: string, release?: string): HelmSecret => ({
    metadata: {
      ...meta(`sh.helm.release.v1.api.v${version}`),
      labels: { owner: 'helm', name: 'api', status, version: String(version) },
    },
    data: { release },
  });
  const encoded = (chart: object) => {
    const zipped = gzipSync(JSON.stringify({ chart: { metadata: chart }, config: { password: 'hunter2' } }));
    return Buffer.from(zipped.toString('base64')).toString('base64');
  };

  test('the newest of its records is told by number, not by order or text', () => {
    const secrets = [
      record(9, 'deployed'),
      record(10, 'failed', encoded({ name: 'api', version: '1.4.2' })),
      record(2, 'superseded'),
    ];
    expect(newestRelease(secrets)).toEqual({ revision: 10, status: 'failed', chart: 'api-1.4.2' });
    expect(newestRelease([record(3, 'deployed', 'bm90IGEgcmVjb3Jk')])).toEqual({
      revision: 3,
      status: 'deployed',
      chart: undefined,
    });
    expect(newestRelease([])).toBeUndefined();
  });

  test('is known by label and annotation together, and its values stay where they are', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    const annotations = { 'meta.helm.sh/release-name': 'api', 'meta.helm.sh/release-namespace': 'shop' };
    const newest = newestRelease([record(4, 'deployed', encoded({ name: 'api', version: '1.0.0' }))]);
    const helmReleases = new Map(newest ? [['shop/api', newest]] : []);
    expect(owners({ labels })).toEqual([]);
    const found = owners({ labels, annotations }, { ...NOBODY, helmReleases });
    expect(found).toMatchObject([{ kind: 'helm', release: 'api', newest: { revision: 4 } }]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });
});

test('what suspends comes before the moves and what resumes after them, one each', () => {
  const reconciler = { kind: 'argo-cd', namespace: 'argocd', name: 'shop' } as const;
  const steps = reconcilerSteps([reconciler], { by: 'ann', why: 'errors', workloads: [] });
  expect(steps.before).toMatchObject([
    {
      id: 'suspend-reconciler:argo-cd/argocd/shop',
      phase: 'move',
      input: { reconciler, by: 'ann', why: 'errors' },
    },
  ]);
  expect(steps.after).toMatchObject([{ id: 'resume-reconciler:argo-cd/argocd/shop', phase: 'tidy' }]);
});
