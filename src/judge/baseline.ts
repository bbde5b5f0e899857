import type { TrafficWindow } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import { quantileMs } from '../model/histogram.ts';
import type { Release } from '../model/release.ts';
import { percent } from './known-good.ts';

/** How a release did in its own time in service. */
export interface Baseline {
  requests: number;
  /** Ratio 0-1. */
  errorRate: number;
  p95Ms: number;
}

export interface BaselineRules {
  /** Requests to see before judging. */
  minRequests: number;
  /** How far above the baseline the error rate may be, ratio 0-1. */
  errorRateMargin: number;
  /** How many times the baseline the p95 may be. */
  latencyMargin: number;
  /** A p95 below it is within baseline, ms. */
  latencyFloorMs: number;
}

/** undefined where the release never served enough to compare with. */
export function baselineOf(release: Release, minRequests: number): Baseline | undefined {
  const { requests, errors, latency } = release.evidence;
  const p95Ms = quantileMs(latency, 0.95);
  if (requests < Math.max(1, minRequests) || p95Ms === undefined) return undefined;
  return { requests, errorRate: errors / requests, p95Ms };
}

/** Error rate and p95 of a window against the baseline: the two validation lines. */
export function compareWithBaseline(
  window: Pick<TrafficWindow, 'requests' | 'errors' | 'p95Ms'>,
  baseline: Baseline | undefined,
  rules: BaselineRules,
): Finding[] {
  const { requests, errors, p95Ms } = window;
  const seen = `${requests} requests, ${errors} errors since the switch`;
  if (requests === 0 || p95Ms === undefined) {
    return [
      finding('error-rate', 'unknown', 'Error rate: no traffic to judge by', [seen]),
      finding('latency', 'unknown', 'p95 latency: no traffic to judge by', [seen]),
    ];
  }
  const rate = `Error rate: ${percent(errors / requests)}`;
  const latency = `p95 latency: ${Math.round(p95Ms)}ms`;
  if (requests < rules.minRequests) {
    const few = `only ${requests} of ${rules.minRequests} requests to judge by`;
    return [
      finding('error-rate', 'unknown', `${rate} (${few})`, [seen]),
      finding('latency', 'unknown', `${latency} (${few})`, [seen]),
    ];
  }
  if (!baseline) {
    const why = ['The target was never seen serving enough requests to compare with.', seen];
    return [
      finding('error-rate', 'unknown', `${rate} (no baseline)`, why),
      finding('latency', 'unknown', `${latency} (no baseline)`, why),
    ];
  }
  const rateLimit = baseline.errorRate + rules.errorRateMargin;
  const p95Limit = Math.max(baseline.p95Ms * rules.latencyMargin, rules.latencyFloorMs);
  const from = `${baseline.requests} requests in its earlier time in service`;
  return [
    within(errors / requests <= rateLimit, 'error-rate', rate, [
      seen,
      `baseline ${percent(baseline.errorRate)} from ${from}; limit ${percent(rateLimit)}`,
    ]),
    within(p95Ms <= p95Limit, 'latency', latency, [
      seen,
      `baseline ${Math.round(baseline.p95Ms)}ms from ${from}; limit ${Math.round(p95Limit)}ms`,
    ]),
  ];
}

function within(ok: boolean, check: string, says: string, evidence: string[]): Finding {
  return finding(check, ok ? 'ok' : 'fail', `${says} (${ok ? 'within' : 'above'} baseline)`, evidence);
}

function finding(check: string, status: Finding['status'], title: string, evidence: string[]): Finding {
  return { check, status, title, evidence, blocking: status === 'fail', fix: [], headline: true };
}
