import { expect, test } from 'vitest';
import { emptyHistogram, quantileMs, recordLatency } from '../src/model/histogram.ts';

test('a quantile is off by at most one bucket, 15 %', () => {
  const histogram = emptyHistogram();
  for (let ms = 1; ms <= 1000; ms++) recordLatency(histogram, ms);
  const p95 = quantileMs(histogram, 0.95) as number;
  expect(p95).toBeGreaterThan(950 / 1.15);
  expect(p95).toBeLessThan(950 * 1.15);
});

test('nothing counted has no quantile', () => {
  expect(quantileMs(emptyHistogram(), 0.95)).toBeUndefined();
});
