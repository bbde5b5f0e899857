import type { MetricsProvider } from '../adapters/metrics/metrics.ts';
import type { Step } from '../engine/step.ts';
import type { Baseline, BaselineRules } from '../judge/baseline.ts';
import { compareWithBaseline } from '../judge/baseline.ts';
import type { TrafficWindow } from '../model/facts.ts';
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
}

export interface ValidateTrafficOutput extends FindingsOutput {
  /** From the first move on: what the target answered while the run moved, and after. */
  traffic: TrafficWindow;
}

/** Judges error rate and p95 of the target's real traffic from now on against its baseline. */
export function validateTraffic(metrics: MetricsProvider): Step<ValidateTrafficInput, ValidateTrafficOutput> {
  return {
    async observe() {
      return { state: 'pending', before: null };
    },
    async apply({ release, baseline, rules, minMs, maxMs }, context) {
      const { clock, signal, progress } = context;
      // A provider that samples ends its sample when it is asked, so that nothing from before the switch is judged.
      const switched = clock.now();
      await metrics.window(release, switched, switched, signal);
      const since = clock.now();
      const begun = clock.monotonic();
      let window: TrafficWindow;
      for (;;) {
        await clock.sleep(Math.min(500, minMs), signal);
        window = await metrics.window(release, since, clock.now(), signal);
        const looked = clock.monotonic() - begun;
        progress(`${window.requests} requests judged, ${window.errors} errors`);
        if (looked >= maxMs || (looked >= minMs && window.requests >= rules.minRequests)) break;
      }
      const moved = context.movedAtMs ?? since;
      const traffic = await metrics.window(release, moved, clock.now(), signal);
      return { findings: compareWithBaseline(window, baseline ?? undefined, rules), traffic };
    },
  };
}
