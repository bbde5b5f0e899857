const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** Starts again what crashed, each time after a longer pause: 0.2 s, doubling up to 10 s. */
export interface Restarts {
  /** @returns the pause, ms */
  schedule(id: string, start: () => void): number;
  /** What was scheduled for it is not done. */
  cancel(id: string): void;
  /** The next pause is the shortest again. */
  settle(id: string): void;
  cancelAll(): void;
}

export function createRestarts(): Restarts {
  const timers = new Map<string, NodeJS.Timeout>();
  const attempts = new Map<string, number>();
  const cancel = (id: string) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
  };
  return {
    schedule(id, start) {
      cancel(id);
      const attempt = attempts.get(id) ?? 0;
      attempts.set(id, attempt + 1);
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
      timers.set(id, setTimeout(start, pause));
      return pause;
    },
    cancel,
    settle: (id) => void attempts.delete(id),
    cancelAll() {
      for (const id of [...timers.keys()]) cancel(id);
    },
  };
}
