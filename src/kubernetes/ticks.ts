import { setTimeout as wait } from 'node:timers/promises';

/** Wakes all who wait when something has changed. */
export interface Ticks {
  tick(): void;
  /** Returns after the next tick, or after `atMostMs`. Throws the signal's reason where it is aborted. */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
}

/** @param togetherMs ticks in such quick succession are told together, for each costs those who wait a look at it all */
export function createTicks(togetherMs = 0): Ticks {
  let tell = () => {};
  let next = new Promise<void>((resolve) => {
    tell = resolve;
  });
  let last = Number.NEGATIVE_INFINITY;
  let isDue = false;

  function fire(): void {
    isDue = false;
    last = performance.now();
    const told = tell;
    next = new Promise((resolve) => {
      tell = resolve;
    });
    told();
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
    async next(atMostMs, signal) {
      const over = new AbortController();
      const leave = () => over.abort();
      signal.addEventListener('abort', leave, { once: true });
      await Promise.race([next, wait(atMostMs, undefined, { signal: over.signal }).catch(() => {})]);
      signal.removeEventListener('abort', leave);
      over.abort();
      signal.throwIfAborted();
    },
  };
}
