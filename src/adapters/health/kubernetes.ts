import { STATUS_CODES } from 'node:http';
import { ApiError } from '../../kubernetes/api-error.ts';
import type { Cluster } from '../../kubernetes/cluster.ts';
import type { Pod, PodTemplate, Service } from '../../kubernetes/objects.ts';
import { pathOf } from '../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../model/error.ts';
import type { HealthProbe, HealthResult } from './health.ts';
import { type AskedPort, endpointOf, servicePort } from './kubernetes-endpoint.ts';

/** A workload as far as its health is asked for. */
export interface HealthTarget {
  /** E.g. `deployment/api`. */
  workload: string;
  template: PodTemplate;
  /** That select its pods. */
  services: readonly Service[];
  pods: readonly Pod[];
}

export interface KubernetesHealthOptions {
  cluster: Cluster;
  namespace: string;
  /** The workloads as they are now. @throws RollbackError where that can't be read */
  look(signal: AbortSignal): Promise<HealthTarget[]>;
  configuration: {
    platform: { workloads: string[] };
    /** `timeout` in seconds. Without a path that of the readiness probe is asked. */
    health: { path?: string | undefined; port?: number | undefined; status: number; timeout: number };
  };
}

/** What one pod answered. */
export interface PodHealth extends HealthResult {
  /** Set where the right to ask through the API server (`get` on `pods/proxy`, `services/proxy`) is missing. */
  forbidden?: true;
}

export interface PodProbe {
  namespace: string;
  pod: string;
  port: number | string;
  path: string;
  /** As a readiness probe has it. Default `HTTP`. */
  scheme?: string | undefined;
  /** Expected HTTP status. */
  status: number;
  timeoutMs: number;
}

/**
 * Asks the Service through the API server's proxy, as its users reach it but for the way there. Where no Service has the
 * port, the ready pods are asked in turn. Where it is not said what to ask, or the right is missing, health is unknown.
 */
export function kubernetesHealth(options: KubernetesHealthOptions): HealthProbe {
  const { configuration, cluster, namespace, look } = options;
  const { status, timeout } = configuration.health;
  const asking = { status, timeoutMs: timeout * 1000 };
  let turn = 0;
  return {
    name: `GET ${configuration.health.path ?? 'readiness probe'} of ${configuration.platform.workloads.join(', ')} through the API server`,
    async probe(signal) {
      const begun = performance.now();
      let last: PodHealth = nothingKnown('no workload is there');
      try {
        for (const target of await look(signal)) {
          const where = placeOf(target, configuration.health, namespace, turn++);
          last =
            'unknown' in where
              ? nothingKnown(where.unknown)
              : await ask(cluster, { ...asking, ...where }, signal);
          if (!last.ok) break;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RollbackError)) throw error;
        last = nothingKnown(error.message);
      }
      return { ...last, tookMs: Math.round(performance.now() - begun) };
    },
  };
}

/** Asks one pod through the API server's proxy, once. Throws only the signal's reason. */
export function probePod(cluster: Cluster, probe: PodProbe, signal: AbortSignal): Promise<PodHealth> {
  const { namespace, pod, port, scheme, path, status, timeoutMs } = probe;
  const url = proxied('pods', namespace, pod, { port, scheme, path });
  return ask(cluster, { url, status, timeoutMs }, signal);
}

/**
 * Asks a pod for the configured path; where none is configured its readiness, which the kubelet asks for, is all there is
 * to know. A right that is missing keeps no pod out: then its readiness counts, too.
 */
export async function podGate(
  {
    cluster,
    namespace,
    configuration,
  }: Pick<KubernetesHealthOptions, 'cluster' | 'namespace' | 'configuration'>,
  pod: Pod,
  signal: AbortSignal,
): Promise<{ ok: boolean; says: string }> {
  const { health } = configuration;
  const endpoint = health.path === undefined ? undefined : endpointOf(pod, health);
  const port = endpoint?.port ?? pod.spec.containers[0]?.ports?.[0]?.containerPort;
  if (!endpoint || port === undefined) return { ok: true, says: 'ready' };
  const asked = { ...endpoint, port, status: health.status, timeoutMs: health.timeout * 1000 };
  const { ok, says, forbidden } = await probePod(
    cluster,
    { namespace, pod: pod.metadata.name, ...asked },
    signal,
  );
  return forbidden ? { ok: true, says: 'ready; its health endpoint may not be asked' } : { ok, says };
}

/** Where a workload is asked; or why that is not known. */
function placeOf(
  { workload, template, services, pods }: HealthTarget,
  health: KubernetesHealthOptions['configuration']['health'],
  namespace: string,
  turn: number,
): { url: string } | { unknown: string } {
  const endpoint = endpointOf(template, health);
  if (!endpoint) {
    return {
      unknown: `${workload} has no HTTP readiness probe, and no health path is configured\nSet health.path in rollback.yaml.`,
    };
  }
  for (const service of services) {
    const port = servicePort(service, template, endpoint.port);
    if (port !== undefined) {
      return { url: proxied('services', namespace, service.metadata.name, { ...endpoint, port }) };
    }
  }
  const ready = pods.filter(isReady);
  const pod = ready[turn % ready.length];
  const { port } = endpoint;
  if (!pod || port === undefined) return { unknown: `no pod of ${workload} is ready to be asked` };
  return { url: proxied('pods', namespace, pod.metadata.name, { ...endpoint, port }) };
}

function isReady({ metadata, status }: Pod): boolean {
  const ready = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return ready && metadata.deletionTimestamp === undefined;
}

function proxied(
  resource: 'pods' | 'services',
  namespace: string,
  name: string,
  { port, scheme, path }: AskedPort & { path: string; port: number | string },
): string {
  const secure = scheme?.toUpperCase() === 'HTTPS' ? 'https:' : '';
  return `${pathOf(resource, namespace, `${secure}${name}:${port}`)}/proxy${path.startsWith('/') ? '' : '/'}${path}`;
}

async function ask(
  cluster: Cluster,
  { url, status, timeoutMs }: { url: string; status: number; timeoutMs: number },
  signal: AbortSignal,
): Promise<PodHealth> {
  const begun = performance.now();
  const took = () => Math.round(performance.now() - begun);
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await cluster.answer(url, { signal: AbortSignal.any([signal, late]) });
    return { ...judge(answer, status), tookMs: took() };
  } catch (error) {
    signal.throwIfAborted();
    if (late.aborted)
      return { ok: false, status: undefined, says: `no answer within ${timeoutMs / 1000} s`, tookMs: took() };
    if (!(error instanceof ApiError)) throw error;
    return { ok: false, status: undefined, says: error.says, tookMs: took() };
  }
}

function judge({ status, text }: { status: number; text: string }, expected: number): PodHealth {
  const own = apiServersOwn(text);
  if (own?.reason === 'Forbidden') {
    const says = `${own.message}\nGive the rights it needs: rollback-deploy-auto init --rbac | kubectl apply -f -`;
    return { ...nothingKnown(says), status, forbidden: true };
  }
  if (own) return { ok: false, status: undefined, says: own.message, tookMs: 0 };
  const says = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  return { ok: status === expected, status, says, tookMs: 0 };
}

/** What the API server itself says, where the application was not reached. */
function apiServersOwn(text: string): { reason: string | undefined; message: string } | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { kind, apiVersion, status, reason, message } = JSON.parse(text) as Record<string, string>;
    if (kind !== 'Status' || apiVersion !== 'v1' || status !== 'Failure') return undefined;
    return { reason, message: message ?? 'the API server refused' };
  } catch {
    return undefined;
  }
}

function nothingKnown(says: string): PodHealth {
  return { ok: false, status: undefined, says, tookMs: 0, unknown: true };
}
