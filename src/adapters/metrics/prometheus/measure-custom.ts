import type { PrometheusApi } from './api.ts';
import { noSeries } from './errors.ts';
import { type Counts, quantilesOf, query, type Subject, statusOf, tally } from './measure.ts';
import { NAMING, selectorOf } from './queries.ts';

export interface CustomQueries {
  /** PromQL for requests per second by status. */
  requests: string;
  /** PromQL for the buckets of a latency histogram in seconds (ms where its name says so); undefined for none. */
  latency: string | undefined;
}

/** How far back it is looked whether a query finds anything at all. */
const LOOK_BACK_MS = 5 * 60_000;

/** @throws RollbackError `METRICS_NO_SERIES` where the query finds nothing of this release nor of the others */
export async function countCustom(
  api: PrometheusApi,
  { requests, latency }: CustomQueries,
  subject: Subject,
  windowMs: number,
  atMs: number,
  signal: AbortSignal,
): Promise<Counts> {
  const { namespace, pods, siblings } = subject;
  const fill = (text: string, regex: string, ms: number) =>
    text.replaceAll('$selector', () => selectorOf(naming, namespace, regex)).replaceAll('$window', `${ms}ms`);
  const perSecond = await query(api, fill(requests, pods, windowMs), atMs, signal);
  let known = perSecond;
  for (const regex of [pods, siblings]) {
    if (known.length > 0 || regex === undefined) continue;
    known = await query(api, fill(requests, regex, windowMs + LOOK_BACK_MS), atMs, signal);
  }
  if (known.length === 0) throw noSeries(api.name, 'metrics.requests of rollback.yaml finds nothing.');
  if (!known.some(({ metric }) => statusOf(metric) !== undefined)) {
    throw noSeries(
      api.name,
      'What metrics.requests of rollback.yaml finds has no label with the status, like "code".',
    );
  }
  const unitMs = latency && /_(milliseconds|ms)(_|\b)/.test(latency) ? 1 : 1000;
  const [p50Ms, p95Ms] = latency
    ? await Promise.all(quantilesOf(api, fill(latency, pods, windowMs), unitMs, atMs, signal))
    : [];
  return { ...tally(perSecond, (value) => value * (windowMs / 1000)), p50Ms, p95Ms };
}

const naming = NAMING.pod[0] as readonly [string, string];
