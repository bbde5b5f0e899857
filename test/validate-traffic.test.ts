import { expect, test } from 'vitest';
import type { MeasuredWindow, MetricsProvider } from '../src/adapters/metrics/metrics.ts';
import type { StepContext } from '../src/engine/step.ts';
import { RollbackError } from '../src/model/error.ts';
import { validateTraffic } from '../src/steps/validate-traffic.ts';

const RULES = { minRequests: 10, errorRateMargin: 0.01, latencyMargin: 2, latencyFloorMs: 100 };
const INPUT = { release: 'r1', rules: RULES, minMs: 5_000, maxMs: 30_000 };
const BASELINE = { requests: 1000, errorRate: 0, p95Ms: 40 };

/** Runs the step against a source that answers so, with time that passes only in sleeps. */
async function judged(answer: (atMs: number, asked: number) => Partial<MeasuredWindow>, input = {}) {
  let now = 1_000_000;
  let asked = 0;
  const clock = {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
  const metrics: MetricsProvider = {
    name: 'test',
    async window(release, sinceMs, untilMs) {
      const base = { release, sinceMs, untilMs, requests: 0, errors: 0, p50Ms: undefined, p95Ms: undefined };
      return { ...base, ...answer(now - 1_000_000, ++asked) };
    },
  };
  const context = {
    clock,
    signal: new AbortController().signal,
    progress: () => {},
    movedAtMs: 900_000,
  } as unknown as StepContext;
  const step = validateTraffic(metrics);
  const output = await step.apply({ ...INPUT, baseline: BASELINE, ...input }, context);
  const findings = output.findings.map(({ status, title, absent }) => [status, title, absent ?? false]);
  return {
    findings,
    evidence: output.findings[0]?.evidence,
    traffic: output.traffic,
    tookMs: now - 1_000_000,
  };
}

function failing(code: string, retriable = false): () => never {
  return () => {
    throw new RollbackError({ code, summary: 'It does not work', detail: 'For a reason.', retriable });
  };
}

test.each(['METRICS_NO_SOURCE', 'METRICS_NO_SERIES'])(
  '%s is said at once, and as nothing open',
  async (code) => {
    const { findings, evidence, traffic, tookMs } = await judged(failing(code));
    expect(findings).toEqual([
      ['unknown', 'Error rate: no source', true],
      ['unknown', 'Latency p95: no source', true],
    ]);
    expect(evidence).toEqual(['It does not work: For a reason.']);
    expect(traffic).toBeUndefined();
    expect(tookMs).toBe(0);
  },
);

test('a source that stays away is asked again as long as there is time, and then is an open question', async () => {
  const { findings, tookMs } = await judged(failing('METRICS_UNREACHABLE', true));
  expect(findings).toEqual([
    ['unknown', 'Error rate: not measured', false],
    ['unknown', 'p95 latency: not measured', false],
  ]);
  expect(tookMs).toBe(30_000);
});

test('a source that comes back is judged by', async () => {
  const { findings, traffic } = await judged((_, asked) =>
    asked < 5 ? failing('METRICS_UNREACHABLE', true)() : { requests: 20, p95Ms: 50 },
  );
  expect(findings.map(([status]) => status)).toEqual(['ok', 'ok']);
  expect(traffic).toMatchObject({ sinceMs: 900_000, requests: 20 });
});

test('any other error is one', async () => {
  await expect(judged(failing('SOMETHING_ELSE'))).rejects.toMatchObject({ code: 'SOMETHING_ELSE' });
});

test('what samples gets two of its intervals more, and says how fresh it is', async () => {
  const sampled = (everyMs: number | undefined) => ({ lastMs: undefined, everyMs, from: 'x_total' });
  expect((await judged(() => ({ sampled: sampled(10_000) }))).tookMs).toBe(50_000);
  expect((await judged(() => ({ sampled: sampled(60_000) }))).tookMs).toBe(55_000);
  expect((await judged(() => ({ sampled: sampled(60_000) }), { samplingMs: 120_000 })).tookMs).toBe(150_000);
  expect((await judged(() => ({}))).tookMs).toBe(30_000);
  const { evidence, traffic } = await judged((atMs) => ({
    requests: 20,
    p95Ms: 50,
    sampled: { ...sampled(15_000), lastMs: 1_000_000 + atMs - 4_000 },
  }));
  expect(evidence?.at(-1)).toBe('from x_total, sampled every 15.0 s; the newest sample is 4.0 s old');
  expect(traffic).not.toHaveProperty('sampled');
});

test('a source without latency still tells the error rate', async () => {
  const { findings } = await judged(() => ({ requests: 20, errors: 0 }));
  expect(findings).toEqual([
    ['ok', 'Error rate: 0% (within baseline)', false],
    ['unknown', 'Latency p95: no source', true],
  ]);
});
