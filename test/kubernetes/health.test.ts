import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type HealthTarget,
  kubernetesHealth,
  podGate,
  probePod,
} from '../../src/adapters/health/kubernetes.ts';
import type { StepContext } from '../../src/engine/step.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import type { Deployment, Pod, Service } from '../../src/kubernetes/objects.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';
import { validateHealth } from '../../src/steps/validate-health.ts';
import { manualClock } from '../store/manual-clock.ts';
import { limitedUser } from './limited-user.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

const READ_ONLY = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules:
  - { apiGroups: [""], resources: [pods, services], verbs: [get, list] }
`;
const FOREVER = new AbortController().signal;

describe.skipIf(!hasCluster)('health through the API server', () => {
  let rig: KubernetesRig;
  let cluster: Cluster;
  let target: HealthTarget;
  beforeAll(async () => {
    rig = await kubernetesRig({ versions: ['v2.14.4'], replicas: 2 });
    cluster = await connect({ namespace: rig.namespace });
    const { items: pods } = await cluster.list<Pod>(pathOf('pods', rig.namespace));
    const { items: services } = await cluster.list<Service>(pathOf('services', rig.namespace));
    const { spec } = await cluster.get<Deployment>(pathOf('deployments', rig.namespace, 'api'));
    target = { workload: 'deployment/api', template: spec.template, services, pods };
  });
  afterAll(() => rig?.dispose());

  function site(health: { path?: string; port?: number; status?: number } = {}, of = target, as = cluster) {
    const configuration = {
      platform: { workloads: ['deployment/api'] },
      health: { status: 200, timeout: 5, ...health },
    };
    return { cluster: as, namespace: rig.namespace, configuration, look: async () => [of] };
  }
  const probed = (...parts: Parameters<typeof site>) => kubernetesHealth(site(...parts)).probe(FOREVER);

  it('asks the Service what the kubelet asks the pods', async () => {
    expect(await probed()).toMatchObject({ ok: true, status: 200, says: '200 OK' });
  });

  it('asks the configured path for the configured status', async () => {
    expect(await probed({ path: '/healthz' })).toMatchObject({ ok: true, status: 200 });
    expect(await probed({ path: '/healthz', status: 204 })).toMatchObject({ ok: false, status: 200 });
  });

  it('asks the pods where no Service has the port', async () => {
    expect(await probed({}, { ...target, services: [] })).toMatchObject({ ok: true, status: 200 });
    const closed = await probed({ path: '/healthz', port: 9 }, { ...target, services: [] });
    expect(closed).toMatchObject({ ok: false, status: undefined });
    expect(closed.says).toContain('refused');
    expect(closed.unknown).toBeUndefined();
  });

  it('knows nothing where nothing says what to ask', async () => {
    const template = structuredClone(target.template);
    for (const container of template.spec.containers) delete container.readinessProbe;
    const health = kubernetesHealth(site({}, { ...target, template }));
    const context = { clock: manualClock(), signal: FOREVER, progress: () => {} } as unknown as StepContext;
    const { findings } = await validateHealth(health).apply({ passes: 3, withinMs: 1000 }, context);
    expect(findings).toMatchObject([
      {
        status: 'unknown',
        title:
          'Health endpoint: deployment/api has no HTTP readiness probe, and no health path is configured',
        fix: ['Set health.path in rollback.yaml.'],
        blocking: false,
      },
    ]);
  });

  it('asks one very pod, and gives up in time', async () => {
    const pod = target.pods[0] as Pod;
    const probe = { namespace: rig.namespace, pod: pod.metadata.name, port: 8080, status: 200 };
    expect(await probePod(cluster, { ...probe, path: '/healthz', timeoutMs: 5000 }, FOREVER)).toMatchObject({
      ok: true,
    });
    expect(
      await probePod(cluster, { ...probe, path: '/healthz', status: 204, timeoutMs: 5000 }, FOREVER),
    ).toMatchObject({
      ok: false,
      status: 200,
    });
    expect(await probePod(cluster, { ...probe, path: '/?ms=3000', timeoutMs: 300 }, FOREVER)).toMatchObject({
      ok: false,
      says: 'no answer within 0.3 s',
    });
    expect(await podGate(site({ path: '/healthz' }), pod, FOREVER)).toEqual({ ok: true, says: '200 OK' });
  });

  it('says that the right is missing, and holds no pod back for it', async () => {
    const user = await limitedUser(rig, READ_ONLY);
    const before = process.env.KUBECONFIG;
    try {
      process.env.KUBECONFIG = user.kubeconfig;
      const limited = await connect({ namespace: rig.namespace });
      const health = await probed({}, target, limited);
      expect(health).toMatchObject({ ok: false, unknown: true, forbidden: true, status: 403 });
      expect(health.says).toContain('services/proxy');
      const pod = target.pods[0] as Pod;
      expect((await podGate(site({ path: '/healthz' }, target, limited), pod, FOREVER)).ok).toBe(true);
    } finally {
      process.env.KUBECONFIG = before;
      await user.dispose();
    }
  });
});
