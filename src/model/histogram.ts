import type { LatencyHistogram, ServiceEvidence } from './release.ts';

/**
 * Upper bounds of the latency buckets, ms: 1 ms to 60 s, each 15 % above the one before, so that a quantile
 * read from them is off by at most 15 %.
 */
export const HISTOGRAM_BOUNDS_MS: readonly number[] = bounds();

export function emptyHistogram(): LatencyHistogram {
  return { counts: new Array(HISTOGRAM_BOUNDS_MS.length + 1).fill(0) };
}

export function recordLatency(histogram: LatencyHistogram, ms: number): void {
  const index = bucketOf(ms);
  histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
}

/**
 * The latency below which `quantile` (ratio 0-1) of the requests fell, ms, interpolated within its bucket;
 * undefined where nothing was counted.
 */
export function quantileMs(histogram: LatencyHistogram, quantile: number): number | undefined {
  const total = histogram.counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return undefined;
  const rank = quantile * total;
  let seen = 0;
  for (const [i, count] of histogram.counts.entries()) {
    if (count > 0 && seen + count >= rank) {
      const low = i === 0 ? 0 : (HISTOGRAM_BOUNDS_MS[i - 1] as number);
      const high = HISTOGRAM_BOUNDS_MS[i] ?? low;
      return low + (high - low) * Math.max(0, (rank - seen) / count);
    }
    seen += count;
  }
  return HISTOGRAM_BOUNDS_MS.at(-1);
}

export function emptyEvidence(): ServiceEvidence {
  return {
    servedMs: 0,
    requests: 0,
    errors: 0,
    latency: emptyHistogram(),
    probesPassed: 0,
    probesFailed: 0,
    crashes: 0,
    startMs: undefined,
  };
}

/** Index into `LatencyHistogram.counts` of a latency, ms. */
export function bucketOf(ms: number): number {
  let low = 0;
  let high = HISTOGRAM_BOUNDS_MS.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms <= (HISTOGRAM_BOUNDS_MS[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function bounds(): number[] {
  const all: number[] = [];
  for (let bound = 1; bound < 60_000; bound *= 1.15) all.push(Math.round(bound * 100) / 100);
  return all;
}
