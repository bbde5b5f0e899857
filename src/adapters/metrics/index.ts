import { type LocalMetricsOptions, localMetrics } from './local.ts';
import type { MetricsProvider } from './metrics.ts';

/** Metrics providers by kind. */
export const metricsProviders = { local: localMetrics } satisfies Record<
  string,
  (options: LocalMetricsOptions) => MetricsProvider
>;
