import type { Clock } from '../../src/model/clock.ts';

export interface ManualClock extends Clock {
  /** Runs while somebody sleeps, before the time has passed. */
  whileAsleep: () => Promise<void> | void;
  /** All that was slept, ms. */
  slept(): number;
}

/** A clock that stands still but for being slept on. */
export function manualClock(startMs = Date.parse('2026-11-23T21:03:38Z')): ManualClock {
  let passed = 0;
  let ids = 0;
  return {
    whileAsleep: () => {},
    slept: () => passed,
    now: () => startMs + passed,
    monotonic: () => passed,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      await this.whileAsleep();
      signal?.throwIfAborted();
      passed += ms;
    },
    randomId: () => (ids++).toString(16).padStart(4, '0'),
  };
}
