import type { HealthProbe, HealthResult } from '../adapters/health/health.ts';
import type { Step } from '../engine/step.ts';
import type { Finding } from '../model/finding.ts';
import type { FindingsOutput } from '../model/run-state.ts';

export interface ValidateHealthInput {
  /** Probes in a row that must pass. */
  passes: number;
  /** Longest time to try, ms. */
  withinMs: number;
}

/** Asks the health endpoint the way users reach it until it passes often enough in a row, or the time is up. */
export function validateHealth(probe: HealthProbe): Step<ValidateHealthInput, FindingsOutput> {
  return {
    async observe() {
      return { state: 'pending', before: null };
    },
    async apply({ passes, withinMs }, { clock, signal, progress }) {
      const end = clock.monotonic() + withinMs;
      let inRow = 0;
      let failures = 0;
      let last: HealthResult;
      do {
        last = await probe.probe(signal);
        // What can't be asked will not answer the next time either.
        if (last.unknown) return { findings: [unknown(probe, last)] };
        inRow = last.ok ? inRow + 1 : 0;
        if (!last.ok) failures++;
        progress(`health: ${last.says} (${inRow} of ${passes} in a row)`);
        if (inRow >= passes) break;
        // One that fails is given time; one that passes has only to pass again.
        await clock.sleep(last.ok ? 50 : 200, signal);
      } while (clock.monotonic() < end);
      return { findings: [finding(probe, last, inRow >= passes, failures)] };
    },
  };
}

function unknown(probe: HealthProbe, { says }: HealthResult): Finding {
  const [title = says, ...fix] = says.split('\n');
  return {
    check: 'health',
    status: 'unknown',
    title: `Health endpoint: ${title}`,
    evidence: [probe.name],
    blocking: false,
    fix,
    headline: true,
  };
}

function finding(probe: HealthProbe, last: HealthResult, ok: boolean, failures: number): Finding {
  return {
    check: 'health',
    status: ok ? 'ok' : 'fail',
    title: `Health endpoint: ${last.says}`,
    evidence: [probe.name, `${failures} probes failed, the last took ${Math.round(last.tookMs)}ms`],
    blocking: !ok,
    fix: [],
    headline: true,
  };
}
