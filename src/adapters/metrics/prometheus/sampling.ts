import { parseDuration } from '../../../model/duration.ts';
import type { PrometheusApi } from './api.ts';

interface Targets {
  activeTargets?: { labels?: Record<string, string>; scrapeInterval?: string }[];
}

/** How often the targets are scraped of which this is true, ms; undefined where the source does not say it. */
export async function scrapeInterval(
  api: PrometheusApi,
  isOurs: (labels: Record<string, string>) => boolean,
  signal: AbortSignal,
): Promise<number | undefined> {
  let targets: Targets;
  try {
    targets = await api.get<Targets>('targets', { state: 'active' }, signal);
  } catch {
    signal.throwIfAborted();
    // Thanos, Mimir and the like answer queries only; the samples tell how often they came.
    return undefined;
  }
  const every = (targets.activeTargets ?? [])
    .filter(({ labels }) => isOurs(labels ?? {}))
    .flatMap(({ scrapeInterval: text }) => durationMs(text));
  return every.length > 0 ? Math.max(...every) : undefined;
}

/** `1m30s` as Prometheus writes it. */
function durationMs(text = ''): number[] {
  const parts = text.match(/\d+(ms|[smh])/g);
  if (parts === null) return [];
  return [parts.reduce((sum, part) => sum + (parseDuration(part) ?? 0) * 1000, 0)];
}
