import { bucketOf, emptyHistogram, quantileMs } from '../../../model/histogram.ts';
import type { ReleaseTotals, ReleaseTraffic } from './proxy-api.ts';
import type { DiskWrites } from './proxy-disk.ts';
import { openTrafficLog, type TrafficLine } from './traffic-log.ts';
import { openTrafficTotals, type TrafficTotals } from './traffic-totals.ts';

/** Measures what passes, per release, so that neither a SIGKILL nor a restart loses or doubles a request. */
export interface TrafficRecorder {
  /** @param latencyMs undefined where it says nothing of how fast the release answers */
  record(release: string, error: boolean, latencyMs: number | undefined): void;
  /** Writes what was counted since the last time as lines of the log. */
  flush(): void;
  /** Flushes, then adds up `(sinceMs, untilMs]`. */
  traffic(release: string, sinceMs: number, untilMs: number): ReleaseTraffic;
  totals(): Record<string, ReleaseTotals>;
  /** Flushes and ends. */
  close(): void;
}

/** @param now ms since the epoch */
export function openTrafficRecorder(dir: string, disk: DiskWrites, now: () => number): TrafficRecorder {
  const totals = openTrafficTotals(dir, disk);
  const log = openTrafficLog(dir, now());
  takeUnmarkedLines(totals, log.ofDay);

  function flush(): void {
    for (const page of totals.pages()) {
      const pending = page.pending();
      if (!pending) continue;
      const sequence = page.sequence() + 1;
      const line = { t: page.updatedAt(), release: page.release, sequence, ...pending };
      // The line first: should the process die between the two, its number tells that it is there already.
      if (disk.attempt('traffic log', () => log.append(line, now()))) page.markLogged(pending, sequence);
    }
  }

  return {
    record(release, error, latencyMs) {
      totals.page(release).count(error, latencyMs === undefined ? undefined : bucketOf(latencyMs), now());
    },
    flush,
    traffic(release, sinceMs, untilMs) {
      flush();
      const lines = log.between(sinceMs, untilMs).filter((line) => line.release === release);
      const latency = emptyHistogram();
      for (const [bucket, count] of lines.flatMap((line) => line.latency)) {
        latency.counts[bucket] = (latency.counts[bucket] ?? 0) + count;
      }
      return {
        release,
        sinceMs,
        untilMs,
        requests: lines.reduce((sum, line) => sum + line.requests, 0),
        errors: lines.reduce((sum, line) => sum + line.errors, 0),
        p50Ms: quantileMs(latency, 0.5),
        p95Ms: quantileMs(latency, 0.95),
        latency,
      };
    },
    totals: () => Object.fromEntries(totals.pages().map((page) => [page.release, page.totals()])),
    close() {
      flush();
      totals.close();
    },
  };
}

/** A proxy that died between writing a line and marking it: the line counts, and must not be written again. */
function takeUnmarkedLines(totals: TrafficTotals, ofDay: (t: number) => Iterable<TrafficLine>): void {
  for (const page of totals.pages()) {
    if (!page.pending()) continue;
    for (const line of ofDay(page.updatedAt())) {
      if (line.release !== page.release) continue;
      if (line.sequence === page.sequence() + 1) page.markLogged(line, line.sequence);
      break;
    }
  }
}
