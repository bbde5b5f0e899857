import type { PrometheusApi } from './api.ts';
import { noSeries } from './errors.ts';
import { COUNTINGS, type Counting, NAMING, rise, STATUS_LABELS, selectorOf, without } from './queries.ts';

/** One element of an instant vector (Prometheus HTTP API, "Instant vectors"). */
interface Sample {
  metric: Record<string, string>;
  /** s since the epoch, and the value as text. */
  value: [number, string];
}

/** What is asked about. Expressions fit whole names (RE2). */
export interface Subject {
  namespace: string;
  /** Pods of one release. */
  pods: string;
  /** Pods of all releases; undefined where they have nothing in common. */
  siblings: string | undefined;
  /** Services that only this release is behind; undefined where that is not so. */
  services: string | undefined;
}

export interface Counts {
  requests: number;
  errors: number;
  p50Ms: number | undefined;
  p95Ms: number | undefined;
}

export interface Way {
  counting: Counting;
  naming: readonly [string, string];
}

/** How far back series may have had their last sample to be known at all; that of an instant query. */
const LOOK_BACK_MS = 5 * 60_000;

export async function query(
  api: PrometheusApi,
  expression: string,
  atMs: number,
  signal: AbortSignal,
): Promise<Sample[]> {
  const { result } = await api.get<{ result: Sample[] }>(
    'query',
    { query: expression, time: (atMs / 1000).toFixed(3) },
    signal,
  );
  return result;
}

/**
 * The first usual way of counting that has series of these pods, or, since new pods have none before they are scraped,
 * of their siblings.
 * @throws RollbackError `METRICS_NO_SERIES`
 */
export async function findWay(
  api: PrometheusApi,
  { namespace, pods, siblings, services }: Subject,
  windowMs: number,
  atMs: number,
  signal: AbortSignal,
): Promise<Way> {
  const back = windowMs + LOOK_BACK_MS;
  const tried: string[] = [];
  const unusable: string[] = [];
  for (const [by, regex] of [
    ['pod', pods],
    ['pod', siblings],
    ['service', services],
  ] as const) {
    if (regex === undefined) continue;
    const countings = COUNTINGS.filter((each) => each.by === by);
    const names = countings.map(({ counter }) => counter).join('|');
    for (const naming of NAMING[by]) {
      const selector = selectorOf(naming, namespace, regex);
      const found = await query(
        api,
        `count by (__name__, ${STATUS_LABELS}) (last_over_time({__name__=~"${names}",${selector}}[${back}ms]))`,
        atMs,
        signal,
      );
      for (const counting of countings) {
        const series = found.filter(({ metric }) => metric.__name__ === counting.counter);
        if (series.some(({ metric }) => statusOf(metric) !== undefined)) return { counting, naming };
        if (series.length > 0) unusable.push(counting.counter);
      }
      tried.push(`{${selector}}`);
    }
  }
  const names = COUNTINGS.map(({ counter }) => counter).join(', ');
  const without =
    unusable.length > 0 ? ` ${[...new Set(unusable)].join(', ')} has no label with the status.` : '';
  throw noSeries(api.name, `It has none of ${names} for ${[...new Set(tried)].join(' or ')}.${without}`);
}

/** What rose in the window that ends at `atMs`; none of the requests for `ownPaths`. */
export async function countBy(
  api: PrometheusApi,
  { counting, naming }: Way,
  { namespace, pods, services }: Subject,
  ownPaths: readonly string[],
  windowMs: number,
  atMs: number,
  signal: AbortSignal,
): Promise<Counts & { lastMs: number | undefined }> {
  const selector = selectorOf(naming, namespace, (counting.by === 'pod' ? pods : services) ?? '');
  const matchers = [selector, counting.only, without(ownPaths)].filter(Boolean).join(',');
  const series = `${counting.counter}{${matchers}}`;
  const [statuses, newest, ...quantiles] = await Promise.all([
    query(api, `sum by (${STATUS_LABELS}) (${rise(series, windowMs)})`, atMs, signal),
    query(api, `max(timestamp(${counting.counter}{${selector}}))`, atMs, signal),
    ...quantilesOf(api, rise(`${counting.buckets}{${matchers}}`, windowMs), counting.unitMs, atMs, signal),
  ]);
  const last = Number(newest[0]?.value[1]);
  return {
    ...tally(statuses, (value) => value),
    p50Ms: quantiles[0],
    p95Ms: quantiles[1],
    lastMs: Number.isFinite(last) ? Math.round(last * 1000) : undefined,
  };
}

/** p50 and p95 of a histogram's buckets, ms. */
export function quantilesOf(
  api: PrometheusApi,
  buckets: string,
  unitMs: number,
  atMs: number,
  signal: AbortSignal,
): Promise<number | undefined>[] {
  return [0.5, 0.95].map(async (quantile) => {
    const [sample] = await query(
      api,
      `histogram_quantile(${quantile}, sum by (le) (${buckets}))`,
      atMs,
      signal,
    );
    const value = Number(sample?.value[1]);
    return Number.isFinite(value) ? value * unitMs : undefined;
  });
}

/** Requests and errors of a vector by status. */
export function tally(
  samples: Sample[],
  countOf: (value: number) => number,
): Pick<Counts, 'requests' | 'errors'> {
  let requests = 0;
  let errors = 0;
  for (const { metric, value } of samples) {
    const count = countOf(Number(value[1]));
    if (!Number.isFinite(count)) continue;
    requests += count;
    if (statusOf(metric)?.startsWith('5')) errors += count;
  }
  return { requests: Math.round(requests), errors: Math.round(errors) };
}

export function statusOf(metric: Record<string, string>): string | undefined {
  const label = STATUS_LABELS.find((each) => metric[each]);
  return label && metric[label];
}
