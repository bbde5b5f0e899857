import type { TrafficWindow } from '../../model/facts.ts';

/** Measurements of real traffic per release. Our own probes never count as traffic. */
export interface MetricsProvider {
  /** E.g. `the local proxy's own counters`. */
  readonly name: string;
  /**
   * What passed between two moments (ms since the epoch).
   * @throws RollbackError `METRICS_UNREACHABLE` (retriable) where it can't be told.
   */
  window(release: string, sinceMs: number, untilMs: number, signal: AbortSignal): Promise<TrafficWindow>;
}
