import type { MeasuredWindow, MetricsProvider } from '../adapters/metrics/metrics.ts';
import type { Step, StepContext } from '../engine/step.ts';
import type { Baseline, BaselineRules } from '../judge/baseline.ts';
import { compareWithBaseline } from '../judge/baseline.ts';
import { RollbackError } from '../model/error.ts';
import type { TrafficWindow } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { FindingsOutput } from '../model/run-state.ts';

export interface ValidateTrafficInput {
  /** Release id. */
  release: string;
  baseline: Baseline | null;
  rules: BaselineRules;
  /** Shortest time to look, ms. */
  minMs: number;
  /** Longest wait for enough requests, ms. */
  maxMs: number;
  /**
   * How much longer the wait may be where the source samples, ms: up to two of its intervals, so that what passed in
   * `maxMs` has been sampled. Default 25 s, which the step's time must leave.
   */
  samplingMs?: number;
}

export interface ValidateTrafficOutput extends FindingsOutput {
  /** From the first move on: what the target answered while the run moved, and after. Absent where nothing told it. */
  traffic?: TrafficWindow;
}

const SAMPLING_MS = 25_000;

/**
 * Judges error rate and p95 of the target's real traffic from now on against its baseline. Where nothing measures the
 * traffic, or what measures can't be asked, that is what is found: no reason to leave a healthy target.
 */
export function validateTraffic(metrics: MetricsProvider): Step<ValidateTrafficInput, ValidateTrafficOutput> {
  return {
    async observe() {
      return { state: 'pending', before: null };
    },
    async apply(input, context) {
      const { clock, signal } = context;
      try {
        const window = await look(metrics, input, context);
        const moved = context.movedAtMs ?? window.sinceMs;
        const { sampled: _, ...traffic } = await metrics.window(input.release, moved, clock.now(), signal);
        return { findings: judge(window, input), traffic };
      } catch (error) {
        signal.throwIfAborted();
        const findings = withoutMeasures(error);
        if (findings === undefined) throw error;
        return { findings };
      }
    },
  };
}

/** Waits until there is enough to judge by, or the time is up. A source that is away for a moment is asked again. */
async function look(
  metrics: MetricsProvider,
  { release, rules, minMs, maxMs, samplingMs = SAMPLING_MS }: ValidateTrafficInput,
  { clock, signal, progress }: StepContext,
): Promise<MeasuredWindow> {
  const begun = clock.monotonic();
  const longest = (window?: MeasuredWindow) => {
    const { everyMs } = window?.sampled ?? {};
    return maxMs + (window?.sampled ? Math.min(samplingMs, 2 * (everyMs ?? samplingMs)) : 0);
  };
  const ask = async (since: number, until: number) => {
    for (;;) {
      try {
        return await metrics.window(release, since, until, signal);
      } catch (error) {
        const again = error instanceof RollbackError && error.retriable && clock.monotonic() - begun < maxMs;
        if (!again) throw error;
        progress(`${error.summary}; trying again`);
        await clock.sleep(500, signal);
      }
    }
  };
  // A provider that samples ends its sample when it is asked, so that nothing from before the switch is judged.
  const switched = clock.now();
  await ask(switched, switched);
  const since = clock.now();
  for (;;) {
    await clock.sleep(Math.min(500, minMs), signal);
    const window = await ask(since, clock.now());
    const looked = clock.monotonic() - begun;
    progress(`${window.requests} requests judged, ${window.errors} errors`);
    if (looked >= longest(window) || (looked >= minMs && window.requests >= rules.minRequests)) return window;
  }
}

function judge(window: MeasuredWindow, { baseline, rules }: ValidateTrafficInput): Finding[] {
  const { sampled, ...traffic } = window;
  const evidence = sampled ? [freshness(window, sampled)] : [];
  const withoutLatency = traffic.requests > 0 && traffic.p95Ms === undefined;
  const judged = { ...traffic, p95Ms: withoutLatency ? 0 : traffic.p95Ms };
  const found = compareWithBaseline(judged, baseline ?? undefined, rules).map((finding) =>
    withoutLatency && finding.check === 'latency'
      ? absent('latency', [`${sampled?.from ?? 'The source'} comes without a latency histogram.`])
      : finding,
  );
  return found.map((finding) => ({ ...finding, evidence: [...finding.evidence, ...evidence] }));
}

function freshness({ untilMs }: MeasuredWindow, sampled: NonNullable<MeasuredWindow['sampled']>): string {
  const { from, lastMs, everyMs } = sampled;
  const every = everyMs === undefined ? 'at unknown intervals' : `every ${seconds(everyMs)}`;
  const last = lastMs === undefined ? '' : `; the newest sample is ${seconds(untilMs - lastMs)} old`;
  return `from ${from}, sampled ${every}${last}`;
}

function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/** undefined for what is no error of the measuring. */
function withoutMeasures(error: unknown): Finding[] | undefined {
  if (!(error instanceof RollbackError)) return undefined;
  const evidence = [error.message, ...(error.fix ? [error.fix] : [])];
  if (error.code === 'METRICS_NO_SOURCE' || error.code === 'METRICS_NO_SERIES') {
    return [absent('error-rate', evidence), absent('latency', evidence)];
  }
  if (error.code !== 'METRICS_UNREACHABLE' && error.code !== 'METRICS_REFUSED') return undefined;
  return [
    unknown('error-rate', 'Error rate: not measured', evidence),
    unknown('latency', 'p95 latency: not measured', evidence),
  ];
}

function absent(check: 'error-rate' | 'latency', evidence: string[]): Finding {
  const what = check === 'latency' ? 'Latency p95' : 'Error rate';
  return { ...unknown(check, `${what}: no source`, evidence), absent: true };
}

function unknown(check: string, title: string, evidence: string[]): Finding {
  return { check, status: 'unknown', title, evidence, blocking: false, fix: [], headline: true };
}
