import type { MonitorResult } from '../model/record.ts';
import { formatMoment, percent } from './format.ts';

/** What watching after a run has seen, one sentence a line. */
export function monitorLines(result: MonitorResult): string[] {
  const { state, since, until, lookedAt, requests, errors, errorRate, p95Ms, notes } = result;
  const states = {
    watching: `Watching since ${formatMoment(since)}, until ${formatMoment(until)}.`,
    resolved: `Resolved: watched from ${formatMoment(since)} until ${formatMoment(until)}, nothing out of bounds.`,
    regressed: `Regressed: watched since ${formatMoment(since)}, not as it should be.`,
    'no-traffic': `Not judged: no traffic from ${formatMoment(since)} until ${formatMoment(until)}.`,
    interrupted: `Interrupted: watched since ${formatMoment(since)}, not until its end at ${formatMoment(until)}.`,
  };
  const seen = [
    `${requests} ${requests === 1 ? 'request' : 'requests'}`,
    `${errors} failed${errorRate === undefined ? '' : ` (${percent(errorRate)})`}`,
    ...(p95Ms === undefined ? [] : [`p95 ${Math.round(p95Ms)}ms`]),
  ];
  const looked =
    lookedAt === undefined ? 'Not looked yet.' : `Last look ${formatMoment(lookedAt)}: ${seen.join(', ')}.`;
  return [states[state], looked, ...notes];
}
