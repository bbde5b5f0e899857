import type { TrafficWindow } from '../../model/facts.ts';

/** A window, and how exactly it is known. */
export interface MeasuredWindow extends TrafficWindow {
  /** Set where the source looks only now and then, so that the last moments of the window are not in it yet. */
  sampled?: {
    /** The newest sample in it, ms since the epoch; undefined where there is none. */
    lastMs: number | undefined;
    /** From one sample to the next, ms; undefined where it can't be told. */
    everyMs: number | undefined;
    /** What was counted, e.g. `http_requests_total of Prometheus at 10.0.0.7:9090`. */
    from: string;
  };
}

/** Measurements of real traffic per release. Our own probes never count as traffic. */
export interface MetricsProvider {
  /** E.g. `the local proxy's own counters`. */
  readonly name: string;
  /**
   * What passed between two moments (ms since the epoch).
   * @throws RollbackError `METRICS_UNREACHABLE` (retriable) where it can't be told now; where trying again can't help:
   * `METRICS_NO_SOURCE` (nothing measures), `METRICS_NO_SERIES` (what measures has nothing of this service),
   * `METRICS_REFUSED` (what measures does not take the question)
   */
  window(release: string, sinceMs: number, untilMs: number, signal: AbortSignal): Promise<MeasuredWindow>;
}
