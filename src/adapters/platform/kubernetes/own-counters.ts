import { ApiError } from '../../../kubernetes/api-error.ts';
import type { Pod } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import type { ClusterState } from './cluster-state.ts';
import { oneFirst } from './one-first.ts';
import { revisionOfPod } from './read-view.ts';
import type { WorkloadView } from './view.ts';

/** What an application counts of its own requests. */
export interface OwnCounters {
  /** Requests answered since it started. */
  answered: number;
  /** No request took longer, ms: the least bound of its histogram that holds all; undefined where it has none. */
  longestMs: number | undefined;
  /** Requests at work right now; undefined where it has no such gauge. */
  inFlight?: number | undefined;
}

/** undefined where it has no metrics page with a counter of requests, or that may not be asked. */
export type ReadCounters = (
  view: WorkloadView,
  pod: Pod,
  signal: AbortSignal,
) => Promise<OwnCounters | undefined>;

/** Counters of answered requests as the usual client libraries and OpenTelemetry name them. */
const ANSWERED =
  /^(http_requests_total|http_server_requests?(_seconds|_duration_seconds)?_count|http_request_duration_(seconds|ms)_count|nginx_http_requests_total)$/;
/** Gauges of requests at work; the first one is OpenTelemetry's (semantic conventions, "HTTP metrics"). */
const IN_FLIGHT =
  /^(http_server_active_requests|http_requests_in_flight|http_in_flight_requests|http_requests_in_progress)$/;
const BUCKET = /^http_(server_)?requests?(_duration)?_seconds_bucket$/;

/** Pods of a revision without an answer after which the others of it are not asked. */
const MISSES = 3;

/**
 * Reads the metrics page of a pod through the API server's proxy: where its annotations say (`prometheus.io/port`,
 * `prometheus.io/path`), else `/metrics` on the port that the Service sends to. Where no pod of a revision has one, the
 * others of it are not asked.
 */
export function ownCounters({ cluster, namespace }: ClusterState): ReadCounters {
  const first = oneFirst();
  /** By revision: whether a pod had a page, and how many had none before. */
  const pages = new Map<string, { found: boolean; misses: number }>();

  async function read(view: WorkloadView, pod: Pod, signal: AbortSignal): Promise<OwnCounters | undefined> {
    const annotations = pod.metadata.annotations ?? {};
    const served = view.slices.flatMap(({ ports }) => (ports ?? []).map(({ port }) => port));
    const port = annotations['prometheus.io/port'] ?? served.find((one) => one !== undefined);
    if (port === undefined) return undefined;
    const page = annotations['prometheus.io/path'] ?? '/metrics';
    try {
      const path = `${pathOf('pods', namespace, `${pod.metadata.name}:${port}`, 'proxy')}${page}`;
      const { status, text } = await cluster.answer(path, { signal });
      return status === 200 ? countersOf(text, page) : undefined;
    } catch (error) {
      signal.throwIfAborted();
      // No such page, no right to it, or no answer: what can't be read is not known.
      if (error instanceof ApiError) return undefined;
      throw error;
    }
  }

  return (view, pod, signal) => {
    const revision = revisionOfPod(pod);
    const known = pages.get(revision) ?? { found: false, misses: 0 };
    pages.set(revision, known);
    return first(
      revision,
      () => known.found || known.misses >= MISSES,
      async () => {
        if (!known.found && known.misses >= MISSES) return undefined;
        const counters = await read(view, pod, signal);
        if (counters) known.found = true;
        else known.misses++;
        return counters;
      },
    );
  };
}

/**
 * Reads the text format of Prometheus (exposition formats, "Text-based format") as far as it is needed here.
 * @param page what is read; requests for it that are counted apart are our own
 */
export function countersOf(text: string, page = '/metrics'): OwnCounters | undefined {
  const answered = new Map<string, number>();
  const buckets = new Map<number, number>();
  let inFlight: number | undefined;
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})?\s+(\S+)/.exec(line) ?? [];
    const count = Number(value);
    if (Number.isNaN(count) || labels.includes(`="${page}"`)) continue;
    if (IN_FLIGHT.test(name)) inFlight = (inFlight ?? 0) + count;
    if (ANSWERED.test(name)) answered.set(name, (answered.get(name) ?? 0) + count);
    const bound = BUCKET.test(name) ? /(?:^|,)\s*le="([^"]+)"/.exec(labels)?.[1] : undefined;
    if (bound !== undefined) {
      const seconds = Number(bound.replace('+Inf', 'Infinity'));
      buckets.set(seconds, (buckets.get(seconds) ?? 0) + count);
    }
  }
  if (answered.size === 0) return undefined;
  const all = buckets.get(Number.POSITIVE_INFINITY) ?? 0;
  const holding = [...buckets].filter(([, count]) => count === all).map(([seconds]) => seconds * 1000);
  const longest = holding.length > 0 ? Math.min(...holding) : undefined;
  return {
    answered: Math.max(...answered.values()),
    longestMs: longest === undefined || !Number.isFinite(longest) ? undefined : longest,
    ...(inFlight !== undefined && { inFlight }),
  };
}
