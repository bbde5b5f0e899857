import { ApiError, isNotFound } from '../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import type { Service } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import type { RollbackError } from '../../../model/error.ts';
import { type PrometheusApi, prometheusAt, prometheusBehind } from './api.ts';
import { noSource } from './errors.ts';

/** Where a Prometheus is usually installed; the workload's own namespace comes last. */
const NAMESPACES = ['monitoring', 'prometheus', 'default'];
/** What comes along with Prometheus under its name. */
const OTHERS = /operator|alertmanager|exporter|pushgateway|kube-state|adapter|thanos-(sidecar|discovery)/;

export interface DiscoverOptions {
  cluster: Cluster;
  /** Of the workload. */
  namespace: string;
  tokenFile: string | undefined;
  /** Whether Services can be reached directly. */
  inPod: boolean;
}

/**
 * The first Service of a Prometheus that answers. A namespace that may not be read has none.
 * @throws RollbackError `METRICS_NO_SOURCE` where there is none; that of the last one where none answers
 */
export async function discoverPrometheus(
  options: DiscoverOptions,
  signal: AbortSignal,
): Promise<PrometheusApi> {
  const { cluster, namespace } = options;
  const places = [...new Set([...NAMESPACES, namespace])];
  const found = await Promise.all(places.map((place) => servicesIn(cluster, place, signal)));
  const services = found.flatMap((each) => (each === 'forbidden' ? [] : each));
  let last: unknown;
  for (const service of services) {
    const api = apiOf(service, options);
    try {
      await api.get('query', { query: 'vector(1)' }, signal);
      return api;
    } catch (error) {
      signal.throwIfAborted();
      // Where one says that it is only down for now, it may be the one.
      if (last === undefined || (error as RollbackError).retriable) last = error;
    }
  }
  if (last !== undefined) throw last;
  const unread = places.filter((_, i) => found[i] === 'forbidden');
  const hidden = unread.length > 0 ? ` The Services of ${unread.join(', ')} may not be read.` : '';
  throw noSource(
    `No metrics are configured, and there is no Prometheus in the namespaces ${places.join(', ')}.${hidden}`,
  );
}

async function servicesIn(
  cluster: Cluster,
  namespace: string,
  signal: AbortSignal,
): Promise<Service[] | 'forbidden'> {
  try {
    const { items } = await cluster.list<Service>(pathOf('services', namespace), { signal });
    return items.filter(isPrometheus);
  } catch (error) {
    if (isNotFound(error)) return [];
    if (error instanceof ApiError && error.status === 403) return 'forbidden';
    throw error;
  }
}

function isPrometheus({ metadata: { name, labels = {} } }: Service): boolean {
  if (OTHERS.test(name) || OTHERS.test(labels['app.kubernetes.io/component'] ?? '')) return false;
  return (
    labels['app.kubernetes.io/name'] === 'prometheus' ||
    labels.app === 'prometheus' ||
    name.startsWith('prometheus')
  );
}

function apiOf(service: Service, { cluster, inPod, tokenFile }: DiscoverOptions): PrometheusApi {
  const { metadata, spec } = service;
  const namespace = metadata.namespace ?? 'default';
  const ports = spec.ports ?? [];
  const port =
    ports.find(({ name }) => /^(https?-)?(web|https?)$/.test(name ?? '')) ??
    ports.find((each) => each.port === 9090) ??
    ports[0];
  const number = port?.port ?? 9090;
  const tls = /https/.test(port?.name ?? '');
  if (inPod) {
    const hasAddress = spec.clusterIP && spec.clusterIP !== 'None';
    const host = hasAddress ? spec.clusterIP : `${metadata.name}.${namespace}.svc`;
    return prometheusAt(`${tls ? 'https' : 'http'}://${host}:${number}`, tokenFile);
  }
  const name = tls ? `https:${metadata.name}` : metadata.name;
  return prometheusBehind(cluster, { namespace, service: name, port: String(number) });
}
