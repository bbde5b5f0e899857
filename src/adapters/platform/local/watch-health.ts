import { type ProbeResult, probeInstance } from './probe-instance.ts';
import type { ServiceFile } from './service-file.ts';

/** Until it is healthy first. */
const EAGER_MS = 100;
const CALM_MS = 1_000;
const PASSES_TO_BE_READY = 2;
const FAILURES_TO_BE_UNREADY = 3;

export interface HealthWatch {
  /** What the last probe said; undefined before the first. */
  last(): string | undefined;
  stop(): void;
}

export interface HealthEvents {
  probed(result: ProbeResult): void;
  ready(): void;
  unready(): void;
}

/**
 * Probes an instance until it is told to stop. First every 100 ms, until two in a row pass: ready. Then once a second:
 * three failures in a row and it is unready, one pass and it is ready again.
 * @param begin how it was known to be; undefined where it was only just spawned
 */
export function watchHealth(
  port: number,
  service: () => ServiceFile,
  begin: 'ready' | 'unready' | undefined,
  events: HealthEvents,
): HealthWatch {
  let known = begin;
  let passes = 0;
  let failures = 0;
  let last: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function probe(): Promise<void> {
    const { health, startTimeoutMs } = service();
    const result = await probeInstance(port, health);
    if (stopped) return;
    last = result.says;
    passes = result.ok ? passes + 1 : 0;
    failures = result.ok ? 0 : failures + 1;
    events.probed(result);
    if (known !== 'ready' && passes >= (known === undefined ? PASSES_TO_BE_READY : 1)) {
      known = 'ready';
      events.ready();
    } else if (known === 'ready' && failures >= FAILURES_TO_BE_UNREADY) {
      known = 'unready';
      events.unready();
    }
    const eager = known === undefined && performance.now() - begunAt < startTimeoutMs;
    timer = setTimeout(() => void probe(), eager ? EAGER_MS : CALM_MS);
  }

  const begunAt = performance.now();
  void probe();
  return {
    last: () => last,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
