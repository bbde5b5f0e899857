/** Wakes all who wait when something has changed. */
export interface Ticks {
  tick(): void;
  /** Returns after the next tick, or after `atMostMs`. Throws the signal's reason where it is aborted. */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
}

/** @param togetherMs ticks in such quick succession are told together, for each costs those who wait a look at it all */
export function createTicks(togetherMs = 0): Ticks {
  let waiting = new Set<() => void>();
  let last = Number.NEGATIVE_INFINITY;
  let isDue = false;

  function fire(): void {
    isDue = false;
    last = performance.now();
    const told = waiting;
    waiting = new Set();
    for (const wake of told) wake();
  }

  return {
    tick() {
      const left = togetherMs - (performance.now() - last);
      if (left <= 0) fire();
      else if (!isDue) {
        isDue = true;
        setTimeout(fire, left);
      }
    },
    // Hundreds wait at once and each is woken many times a second, so a wait makes as little garbage as it can.
    next(atMostMs, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          if (signal.aborted) reject(signal.reason);
          else resolve();
        };
        const timer = setTimeout(wake, atMostMs);
        signal.addEventListener('abort', wake);
        waiting.add(wake);
      });
    },
  };
}
