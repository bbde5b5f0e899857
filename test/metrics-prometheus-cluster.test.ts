import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { prometheusMetrics } from '../src/adapters/metrics/prometheus.ts';
import { ApiError, isNotFound } from '../src/kubernetes/api-error.ts';
import type { Cluster, ListOf, RequestOptions } from '../src/kubernetes/cluster.ts';
import { connect } from '../src/kubernetes/connect.ts';
import type { Service } from '../src/kubernetes/objects.ts';
import { pathOf } from '../src/kubernetes/resource-paths.ts';
import { connectAs } from './connect-as.ts';
import { freePort } from './free-port.ts';
import { NEVER } from './oci-fixture.ts';
import { HAS_PROMETHEUS, type PrometheusRig, prometheusRig } from './prometheus-rig.ts';

const POD = 'api-6d5f9c7b8-aaaaa';

describe.skipIf(!HAS_PROMETHEUS || !process.env.KUBECONFIG)('a Prometheus in a real cluster', () => {
  const namespace = `metrics-${randomBytes(3).toString('hex')}`;
  let admin: Cluster;
  let rig: PrometheusRig;
  const windowAs = (cluster: Cluster, inPod = false, sinceMs = Date.now() - 60_000) =>
    prometheusMetrics({ cluster, namespace, workloads: ['api'], inPod }).window(
      '6d5f9c7b8',
      sinceMs,
      Date.now(),
      NEVER,
    );

  beforeAll(async () => {
    admin = await connect();
    await admin.create('/api/v1/namespaces', { metadata: { name: namespace } });
    // A pod that no kubelet runs, so that it may have the address of the Prometheus here.
    await admin.create(pathOf('pods', namespace), {
      metadata: { name: 'prometheus' },
      spec: { schedulerName: 'nobody', containers: [{ name: 'prometheus', image: 'prometheus' }] },
    });
    const ip = ownAddress();
    await admin.mergePatch(pathOf('pods', namespace, 'prometheus', 'status'), {
      status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
    });
    rig = await prometheusRig({ pods: { [POD]: { namespace, pod: POD } }, listen: '0.0.0.0' });
    rig.answer(POD, { code: '200' }, 40, 12);
    rig.answer(POD, { code: '500' }, 40, 1);
    await rig.scraped();
  });
  afterAll(async () => {
    await rig?.close();
    await admin?.delete(pathOf('namespaces', undefined, namespace));
  });

  afterEach(async () => {
    for (const resource of ['services', 'endpoints']) {
      const { items } = await admin.list<{ metadata: { name: string } }>(pathOf(resource, namespace));
      await Promise.all(items.map(({ metadata }) => forget(pathOf(resource, namespace, metadata.name))));
    }
  });

  test('none is there', async () => {
    await expect(windowAs(admin)).rejects.toMatchObject({
      code: 'METRICS_NO_SOURCE',
      detail: `No metrics are configured, and there is no Prometheus in the namespaces monitoring, prometheus, default, ${namespace}.`,
    });
  });

  test('what may not be read has none', async () => {
    const nobody = await connectAs(admin, namespace, 'nobody');
    await expect(windowAs(nobody)).rejects.toMatchObject({
      code: 'METRICS_NO_SOURCE',
      detail: expect.stringContaining(
        `The Services of monitoring, prometheus, default, ${namespace} may not be read.`,
      ),
      retriable: false,
    });
  });

  test('one that does not answer is unreachable', async () => {
    await serve('prometheus-server', await freePort());
    await expect(windowAs(admin)).rejects.toMatchObject({
      code: 'METRICS_UNREACHABLE',
      summary: `Prometheus in service ${namespace}/prometheus-server can't be asked`,
      retriable: true,
    });
  });

  test.each([
    ['by name', 'prometheus-k8s', {}],
    ['by the recommended label', 'metrics', { 'app.kubernetes.io/name': 'prometheus' }],
    ['by the old label', 'measuring', { app: 'prometheus' }],
  ])('one found %s is asked through the API server', async (_, name, labels) => {
    await serve('prometheus-operator', await freePort());
    await serve(name, rig.port, labels);
    expect(await windowAs(admin)).toMatchObject({
      requests: 13,
      errors: 1,
      sampled: { from: `http_requests_total of Prometheus in service ${namespace}/${name}` },
    });
  });

  test('with the rights it needs, and without one of them', async () => {
    await serve('prometheus', rig.port);
    const list = { apiGroups: [''], resources: ['services'], verbs: ['list'] };
    const proxy = { apiGroups: [''], resources: ['services/proxy'], verbs: ['get'] };
    const reader = await connectAs(admin, namespace, 'reader', [list, proxy]);
    expect(await windowAs(reader)).toMatchObject({ requests: 13 });
    const lister = await connectAs(admin, namespace, 'lister', [list]);
    await expect(windowAs(lister)).rejects.toMatchObject({
      code: 'METRICS_NO_SOURCE',
      detail: expect.stringMatching(/may not be asked: .*services\/proxy/s),
      fix: 'Give the right to get services/proxy there, or set metrics.url in rollback.yaml.',
    });
  });

  test('from a pod it is asked directly', async () => {
    await serve('prometheus', rig.port);
    // What a node does for its pods: the address of the Service leads to the endpoint.
    const inPod: Cluster = {
      ...admin,
      async list<T>(path: string, options?: RequestOptions) {
        const found = await admin.list<Service>(path, options);
        const ports = [{ name: 'web', port: rig.port }];
        const items = found.items.map((item) => ({ ...item, spec: { ports, clusterIP: ownAddress() } }));
        return { ...found, items } as ListOf<T>;
      },
    };
    const before = admin.requests;
    const { sampled, requests } = await windowAs(inPod, true);
    expect(requests).toBe(13);
    expect(sampled?.from).toBe(`http_requests_total of Prometheus at ${ownAddress()}:${rig.port}`);
    // The Services of four namespaces, and nothing more.
    expect(admin.requests - before).toBe(4);
  });

  test('a query that Prometheus refuses is told as such through the API server too', async () => {
    await serve('prometheus', rig.port);
    const metrics = prometheusMetrics({ cluster: admin, namespace, workloads: ['api'], requests: 'rate(' });
    await expect(metrics.window('1', 0, 1000, NEVER)).rejects.toMatchObject({ code: 'METRICS_REFUSED' });
  });

  /** A Service whose only endpoint is a port of this machine. */
  async function serve(name: string, port: number, labels: Record<string, string> = {}): Promise<void> {
    await admin.create(pathOf('services', namespace), {
      metadata: { name, labels },
      spec: {
        ports: [
          { name: 'grpc', port: 10901 },
          { name: 'web', port: 9090 },
        ],
      },
    });
    // The API server sends on only to addresses of pods, as the old kind of endpoints names them.
    await admin.create(pathOf('endpoints', namespace), {
      metadata: { name },
      subsets: [
        {
          addresses: [{ ip: ownAddress(), targetRef: { kind: 'Pod', name: 'prometheus', namespace } }],
          ports: [{ name: 'web', port }],
        },
      ],
    });
    if (port === rig.port) await answers(name);
  }

  /** Endpoints may go with their Service. */
  const forget = (path: string) =>
    admin.delete(path).catch((error) => {
      if (!isNotFound(error)) throw error;
    });

  /** The API server knows a Service and its endpoints a moment after they were made. */
  async function answers(name: string): Promise<void> {
    for (;;) {
      try {
        await admin.text(`${pathOf('services', namespace, `${name}:9090`)}/proxy/-/ready`);
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || ![404, 503].includes(error.status)) throw error;
        await wait(50);
      }
    }
  }
});

/** One that is not the loopback's, which may be no endpoint. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (own === undefined) throw new Error('This machine has no address that others reach it by.');
  return own.address;
}
