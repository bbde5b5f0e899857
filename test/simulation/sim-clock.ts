import type { Clock } from '../../src/model/clock.ts';

interface Timer {
  at: number;
  order: number;
  fire(): void;
}

/** Simulated time: it stands still while anything runs, then jumps to the next timer. */
export interface SimClock extends Clock {
  /** Lets `work` run to its end in simulated time. @throws Error where it waits for nothing that will ever come. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Moves what people read (`now`), not what deadlines go by. */
  jump(ms: number): void;
}

export function simClock(): SimClock {
  let timers: Timer[] = [];
  let elapsed = 0;
  let skew = 0;
  let order = 0;
  const epoch = Date.UTC(2026, 2, 15, 10, 32, 0);
  return {
    now: () => epoch + elapsed + skew,
    monotonic: () => elapsed,
    randomId: () => (order++).toString(16).padStart(4, '0'),
    jump: (ms) => {
      skew += ms;
    },
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const leave = () => {
          timers = timers.filter((other) => other !== timer);
          reject(signal?.reason);
        };
        const fire = () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        };
        const timer: Timer = { at: elapsed + Math.max(0, ms), order: order++, fire };
        timers.push(timer);
        signal?.addEventListener('abort', leave, { once: true });
      });
    },
    async run(work) {
      let settled = false;
      work.then(
        () => {
          settled = true;
        },
        () => {
          settled = true;
        },
      );
      for (;;) {
        // A turn of the event loop: every promise that can go on has gone on.
        await new Promise((resolve) => setImmediate(resolve));
        if (settled) return work;
        const next = timers.reduce<Timer | undefined>(
          (first, timer) =>
            !first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)
              ? timer
              : first,
          undefined,
        );
        if (!next) throw new Error('Deadlock: nothing is left that could go on.');
        timers = timers.filter((timer) => timer !== next);
        elapsed = Math.max(elapsed, next.at);
        next.fire();
      }
    },
  };
}
