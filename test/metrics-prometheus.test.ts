import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetricsProvider } from '../src/adapters/metrics/metrics.ts';
import { type PrometheusOptions, prometheusMetrics } from '../src/adapters/metrics/prometheus.ts';
import { freePort } from './free-port.ts';
import { NEVER } from './oci-fixture.ts';
import { HAS_PROMETHEUS, type PrometheusRig, prometheusRig, SCRAPE_MS } from './prometheus-rig.ts';

const OLD = 'api-6d5f9c7b8-aaaaa';
const OLD_TOO = 'api-6d5f9c7b8-bbbbb';
const NEW = 'api-7c9d8b6f4-ccccc';
const pod = (name: string) => ({ namespace: 'shop', pod: name });

describe.skipIf(!HAS_PROMETHEUS)('a real Prometheus', () => {
  let rig: PrometheusRig;
  let metrics: MetricsProvider;
  const provider = (more: Partial<PrometheusOptions> = {}) =>
    prometheusMetrics({ url: rig.url, namespace: 'shop', workloads: ['api'], ...more });
  const since = (from: number, release = '6d5f9c7b8', by = metrics) =>
    by.window(release, from, Date.now(), NEVER);

  beforeAll(async () => {
    rig = await prometheusRig({
      pods: { [OLD]: pod(OLD), [OLD_TOO]: pod(OLD_TOO), [NEW]: pod(NEW), other: { namespace: 'shop' } },
    });
    metrics = provider();
    rig.answer(OLD, { code: '200', path: '/' }, 40, 1000);
    rig.answer(NEW, { code: '200', path: '/' }, 40, 10);
    await rig.scraped();
  });
  afterAll(() => rig?.close());

  test('counts what passed in the window, of this release only', async () => {
    const from = Date.now();
    rig.answer(OLD, { code: '200', path: '/' }, 40, 30);
    rig.answer(NEW, { code: '200', path: '/' }, 40, 500);
    await rig.scraped();
    const window = await since(from);
    expect(window).toMatchObject({ release: '6d5f9c7b8', sinceMs: from, requests: 30, errors: 0 });
    expect(window.p50Ms).toBeCloseTo(30, 0);
    expect(window.p95Ms).toBeCloseTo(48, 0);
  });

  test('the first error, of a series that was not there before, and the requests of a new pod count', async () => {
    const from = Date.now();
    rig.answer(OLD, { code: '503', path: '/' }, 40);
    rig.answer(OLD, { code: '404', path: '/' }, 40, 2);
    rig.answer(OLD_TOO, { code: '200', path: '/' }, 400, 17);
    await rig.scraped();
    expect(await since(from)).toMatchObject({ requests: 20, errors: 1 });
  });

  test('a pod that was started anew counts from nothing', async () => {
    const from = Date.now();
    rig.restart(OLD);
    rig.answer(OLD, { code: '200', path: '/' }, 40, 7);
    await rig.scraped();
    expect(await since(from)).toMatchObject({ requests: 7, errors: 0 });
  });

  test('probes and scrapes do not count, where the series say paths', async () => {
    const from = Date.now();
    rig.answer(OLD, { code: '200', path: '/healthz' }, 1, 50);
    rig.answer(OLD, { code: '500', path: '/ready.now' }, 1, 50);
    rig.answer(OLD, { code: '200', path: '/' }, 40, 3);
    await rig.scraped();
    const own = provider({ ownPaths: async () => ['/healthz', '/ready.now'] });
    const window = await since(from, '6d5f9c7b8', own);
    expect(window).toMatchObject({ requests: 3, errors: 0 });
    expect(window.p50Ms).toBeCloseTo(30, 0);
  });

  test('a window without traffic, and one of no length', async () => {
    await rig.scraped();
    const now = Date.now();
    expect(await metrics.window('6d5f9c7b8', now - 500, now, NEVER)).toMatchObject({
      requests: 0,
      errors: 0,
      p50Ms: undefined,
      p95Ms: undefined,
    });
    expect(await metrics.window('6d5f9c7b8', now, now, NEVER)).toMatchObject({ requests: 0 });
  });

  test('says what it counted, how often that is sampled, and the newest sample', async () => {
    const from = Date.now();
    await rig.scraped();
    const { sampled } = await since(from);
    expect(sampled).toMatchObject({
      everyMs: SCRAPE_MS,
      from: `http_requests_total of Prometheus at 127.0.0.1:${rig.port}`,
    });
    expect(sampled?.lastMs).toBeGreaterThan(from);
    expect(sampled?.lastMs).toBeLessThanOrEqual(Date.now());
  });

  test('new pods that were not scraped yet have no traffic; those of nobody known have no series', async () => {
    expect(await since(Date.now() - 5000, '5b4c3d2e1', provider())).toMatchObject({ requests: 0 });
    await expect(since(Date.now() - 5000, '1', provider({ workloads: ['web'] }))).rejects.toMatchObject({
      code: 'METRICS_NO_SERIES',
      summary: `Prometheus at 127.0.0.1:${rig.port} has no requests of this service`,
      detail: expect.stringContaining('{namespace="shop",pod=~"(web)-1-.*"}'),
      retriable: false,
    });
    await expect(
      since(Date.now() - 5000, '6d5f9c7b8', provider({ namespace: 'other' })),
    ).rejects.toMatchObject({
      code: 'METRICS_NO_SERIES',
    });
  });

  test('pods that are named otherwise are said by the caller', async () => {
    const from = Date.now();
    rig.answer(OLD_TOO, { code: '200', path: '/' }, 40, 4);
    rig.answer(OLD, { code: '200', path: '/' }, 40, 40);
    rig.answer('other', { code: '200', path: '/' }, 40, 400);
    await rig.scraped();
    const named = provider({ podsOf: async (release) => `api-.*-${release}` });
    expect(await since(from, 'bbbbb', named)).toMatchObject({ requests: 4 });
    const nobody = provider({ podsOf: async () => '' });
    expect(await since(from, 'bbbbb', nobody)).toMatchObject({ requests: 0 });
  });

  test('queries of the configuration', async () => {
    // Rates need two samples in the window, and guess what lies around them.
    await rig.scraped();
    const from = Date.now();
    await rig.scraped();
    rig.set(OLD, 'my_total{outcome="ok",code="200"}', 0);
    rig.set(OLD, 'my_total{outcome="no",code="500"}', 0);
    await rig.scraped();
    rig.set(OLD, 'my_total{outcome="ok",code="200"}', 300);
    rig.set(OLD, 'my_total{outcome="no",code="500"}', 100);
    rig.answer(OLD, { code: '200', path: '/' }, 80, 50);
    await rig.scraped();
    await rig.scraped();
    const custom = provider({
      requests: 'sum by (code) (rate(my_total{$selector}[$window]))',
      latency: 'rate(http_request_duration_seconds_bucket{$selector}[$window])',
    });
    const window = await since(from, '6d5f9c7b8', custom);
    expect(window.errors / window.requests).toBeCloseTo(0.25, 2);
    expect(window.requests).toBeGreaterThanOrEqual(400);
    expect(window.requests).toBeLessThan(800);
    expect(window.p50Ms).toBeGreaterThan(50);
    expect(window.p50Ms).toBeLessThanOrEqual(100);
    expect(window.sampled).toMatchObject({ everyMs: SCRAPE_MS });
  });

  test.each([
    ['finds nothing', 'rate(no_such_total{$selector}[$window])', 'METRICS_NO_SERIES', 'finds nothing'],
    [
      'has no status',
      'sum(rate(http_requests_total{$selector}[$window]))',
      'METRICS_NO_SERIES',
      'no label with the status',
    ],
    ['is no PromQL', 'rate(http_requests_total{$selector}', 'METRICS_REFUSED', 'parse error'],
  ])('a query of the configuration that %s', async (_, requests, code, says) => {
    const custom = provider({ requests });
    await expect(since(Date.now() - 10_000, '6d5f9c7b8', custom)).rejects.toMatchObject({
      code,
      detail: expect.stringContaining(says),
      retriable: false,
    });
  });

  test('a token comes from a file, which is read anew each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-token-'));
    const tokenFile = join(folder, 'token');
    const guard = createServer(async ({ headers, url }, response) => {
      if (headers.authorization !== 'Bearer second') return void response.writeHead(401).end('my-secret');
      const answer = await fetch(rig.url + url);
      response.writeHead(answer.status).end(await answer.text());
    });
    await new Promise<void>((done) => guard.listen(0, '127.0.0.1', done));
    const guarded = provider({ url: `http://127.0.0.1:${(guard.address() as AddressInfo).port}`, tokenFile });
    const ask = () => since(Date.now() - 1000, '6d5f9c7b8', guarded);
    await expect(ask()).rejects.toMatchObject({
      code: 'METRICS_REFUSED',
      detail: expect.stringContaining('ENOENT'),
    });
    await writeFile(tokenFile, 'first\n');
    await expect(ask()).rejects.toMatchObject({
      code: 'METRICS_REFUSED',
      detail: 'It answered HTTP 401: it does not take the token.',
    });
    await writeFile(tokenFile, 'second\n');
    expect(await ask()).toMatchObject({ release: '6d5f9c7b8' });
    guard.closeAllConnections();
    await new Promise((done) => guard.close(done));
    await rm(folder, { recursive: true });
  });

  test('stops when it is aborted', async () => {
    const reason = new Error('too late');
    await expect(metrics.window('6d5f9c7b8', 0, 1000, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe.skipIf(!HAS_PROMETHEUS)('other usual names', () => {
  test.each([
    [
      'http_server_request_duration_seconds',
      'http_response_status_code',
      'k8s_namespace_name',
      'k8s_pod_name',
    ],
    ['http_server_requests_seconds', 'status', 'kubernetes_namespace', 'kubernetes_pod_name'],
    ['http_request_duration_seconds', 'status_code', 'namespace', 'pod'],
  ])('%s_count{%s} of {%s,%s}', async (histogram, status, space, name) => {
    const labels = { [space]: 'shop', [name]: OLD };
    const rig = await prometheusRig({ pods: { [OLD]: labels }, counter: `${histogram}_count`, histogram });
    const from = Date.now();
    rig.answer(OLD, { [status]: '200' }, 40, 9);
    rig.answer(OLD, { [status]: '502' }, 40, 1);
    await rig.scraped();
    const metrics = prometheusMetrics({ url: rig.url, namespace: 'shop', workloads: ['api'] });
    const window = await metrics.window('6d5f9c7b8', from, Date.now(), NEVER);
    expect(window).toMatchObject({ requests: 10, errors: 1 });
    expect(window.p95Ms).toBeCloseTo(48, 0);
    await rig.close();
  });

  test('what an ingress counted is taken where it is known whose Service it is', async () => {
    const controller = { namespace: 'ingress', pod: 'ingress-nginx-controller-1' };
    const counter = 'nginx_ingress_controller_requests';
    const rig = await prometheusRig({ pods: { controller }, counter, histogram: '' });
    const from = Date.now();
    const labels = { exported_namespace: 'shop', status: '200' };
    rig.answer('controller', { ...labels, exported_service: 'api-blue' }, 40, 5);
    rig.answer('controller', { ...labels, exported_service: 'api-green' }, 40, 50);
    await rig.scraped();
    const common = { url: rig.url, namespace: 'shop', workloads: ['api'] };
    const known = prometheusMetrics({ ...common, servicesOf: async () => 'api-blue' });
    expect(await known.window('1', from, Date.now(), NEVER)).toMatchObject({ requests: 5, p95Ms: undefined });
    const unknown = prometheusMetrics(common).window('1', from, Date.now(), NEVER);
    await expect(unknown).rejects.toMatchObject({ code: 'METRICS_NO_SERIES' });
    await rig.close();
  });
});

describe('without a Prometheus', () => {
  const common = { namespace: 'shop', workloads: ['api'] };

  test('none is configured, and there is no cluster to look in', async () => {
    await expect(prometheusMetrics(common).window('1', 0, 1000, NEVER)).rejects.toMatchObject({
      code: 'METRICS_NO_SOURCE',
      retriable: false,
    });
  });

  test('the one that is configured does not answer', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await expect(prometheusMetrics({ ...common, url }).window('1', 0, 1000, NEVER)).rejects.toMatchObject({
      code: 'METRICS_UNREACHABLE',
      summary: `Prometheus at ${url.slice(7)} can't be asked`,
      retriable: true,
    });
  });

  test('a password in the address is in no message', async () => {
    const url = `http://ana:my-secret@127.0.0.1:${await freePort()}`;
    const error = await prometheusMetrics({ ...common, url })
      .window('1', 0, 1000, NEVER)
      .catch((thrown) => thrown);
    expect(`${error.message} ${error.cause}`).not.toContain('my-secret');
  });
});
