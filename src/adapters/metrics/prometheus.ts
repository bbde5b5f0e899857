import type { Cluster } from '../../kubernetes/cluster.ts';
import type { MeasuredWindow, MetricsProvider } from './metrics.ts';
import { type PrometheusApi, prometheusAt } from './prometheus/api.ts';
import { discoverPrometheus } from './prometheus/discover.ts';
import { noSource } from './prometheus/errors.ts';
import { countBy, findWay, query, type Subject, type Way } from './prometheus/measure.ts';
import { countCustom } from './prometheus/measure-custom.ts';
import { literal, selectorOf } from './prometheus/queries.ts';
import { scrapeInterval } from './prometheus/sampling.ts';

export interface PrometheusOptions {
  /** Base address, with the path before `/api/v1`. Default: the Prometheus found in the cluster. */
  url?: string | undefined;
  /** File with a bearer token, absolute; only for direct requests. */
  tokenFile?: string | undefined;
  /** Where to look for a Prometheus when there is no `url`. */
  cluster?: Cluster | undefined;
  /** Of the workloads. */
  namespace: string;
  /** Names without kind, e.g. `api`. */
  workloads: readonly string[];
  /** Pods of a release as a regular expression (RE2, anchored). Default: those of a Deployment, `api-<release>-.*`. */
  podsOf?: ((release: string, signal: AbortSignal) => Promise<string>) | undefined;
  /**
   * Services that only pods of this release are behind, as a regular expression; needed for what counts in front of
   * the pods (ingress-nginx). Default: unknown, and such counts are not used.
   */
  servicesOf?: ((release: string, signal: AbortSignal) => Promise<string | undefined>) | undefined;
  /** PromQL for requests per second by status; `$selector` and `$window` are filled in. Default: the usual names. */
  requests?: string | undefined;
  /** PromQL for the buckets of a latency histogram; likewise. */
  latency?: string | undefined;
  /** Paths that only probes and scrapes ask for. Default: `/healthz`, `/metrics`. */
  ownPaths?: ((signal: AbortSignal) => Promise<readonly string[]>) | undefined;
  /** Whether Services can be reached directly. Default: where the cluster was found as a pod finds it. */
  inPod?: boolean | undefined;
}

/**
 * What a Prometheus scraped from the pods. Counts go from the last sample before the window to the last one in it, so
 * they are as exact as a scrape interval. Requests for `ownPaths` are left out where the series say paths.
 */
export function prometheusMetrics(options: PrometheusOptions): MetricsProvider {
  const { url, tokenFile, cluster, namespace, workloads } = options;
  const { podsOf = podsOfDeployment(workloads), servicesOf } = options;
  const { ownPaths = async () => ['/healthz', '/metrics'] } = options;
  let api: PrometheusApi | undefined = url === undefined ? undefined : prometheusAt(url, tokenFile);
  let way: Way | undefined;
  let everyMs: number | undefined;
  let askedInterval = false;

  async function source(signal: AbortSignal): Promise<PrometheusApi> {
    if (cluster === undefined && api === undefined) throw noSource('No metrics are configured.');
    api ??= await discoverPrometheus(
      { cluster: cluster as Cluster, namespace, tokenFile, inPod: options.inPod ?? isInPod(cluster) },
      signal,
    );
    return api;
  }

  async function subjectOf(release: string, signal: AbortSignal): Promise<Subject> {
    const [pods, services] = await Promise.all([podsOf(release, signal), servicesOf?.(release, signal)]);
    const siblings = workloads.length > 0 ? `(${workloads.map(literal).join('|')})-.*` : undefined;
    // An empty expression would fit every series without such a label; "-" is nobody's name.
    return { namespace, pods: pods || '-', siblings, services: services || undefined };
  }

  /** Told once: how often a job scrapes does not change in a run. Nothing is known before the first pod is a target. */
  async function interval(prometheus: PrometheusApi, { pods, siblings }: Subject, signal: AbortSignal) {
    const ours = new RegExp(`^(?:${siblings ?? pods})$`);
    const isOurs = (labels: Record<string, string>) =>
      Object.values(labels).includes(namespace) && Object.values(labels).some((value) => ours.test(value));
    if (!askedInterval) everyMs = await scrapeInterval(prometheus, isOurs, signal);
    askedInterval = everyMs !== undefined;
    return everyMs;
  }

  return {
    get name() {
      return api?.name ?? 'Prometheus';
    },
    async window(release, sinceMs, untilMs, signal): Promise<MeasuredWindow> {
      signal.throwIfAborted();
      const prometheus = await source(signal);
      const subject = await subjectOf(release, signal);
      const windowMs = Math.max(1, Math.round(untilMs - sinceMs));
      const bounds = { release, sinceMs, untilMs };
      if (options.requests !== undefined) {
        const queries = { requests: options.requests, latency: options.latency };
        const counts = await countCustom(prometheus, queries, subject, windowMs, untilMs, signal);
        const every = await interval(prometheus, subject, signal);
        const from = `metrics.requests of ${prometheus.name}`;
        return { ...bounds, ...counts, sampled: { lastMs: undefined, everyMs: every, from } };
      }
      way ??= await findWay(prometheus, subject, windowMs, untilMs, signal);
      const { lastMs, ...counts } = await countBy(
        prometheus,
        way,
        subject,
        await ownPaths(signal),
        windowMs,
        untilMs,
        signal,
      );
      const every =
        (await interval(prometheus, subject, signal)) ??
        (await intervalOfSamples(prometheus, way, subject, untilMs, signal));
      const from = `${way.counting.counter} of ${prometheus.name}`;
      return { ...bounds, ...counts, sampled: { lastMs, everyMs: every, from } };
    },
  };
}

/** A Deployment's pods carry the pod-template-hash, which is the release's id, in their names. */
function podsOfDeployment(workloads: readonly string[]): (release: string) => Promise<string> {
  return async (release) => `(${workloads.map(literal).join('|')})-${literal(release)}-.*`;
}

function isInPod(cluster: Cluster | undefined): boolean {
  return process.env.KUBERNETES_SERVICE_HOST !== undefined && /^in-?cluster/i.test(cluster?.context ?? '');
}

/** From how many samples came in the last minute; a young pod's are few, so it errs to the slow side. */
async function intervalOfSamples(
  api: PrometheusApi,
  { counting, naming }: Way,
  { namespace, pods, siblings }: Subject,
  atMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (counting.by !== 'pod') return undefined;
  const series = `${counting.counter}{${selectorOf(naming, namespace, siblings ?? pods)}}`;
  const [sample] = await query(api, `max(count_over_time(${series}[1m]))`, atMs, signal);
  const count = Number(sample?.value[1]);
  return count >= 2 ? Math.round(60_000 / count) : undefined;
}
