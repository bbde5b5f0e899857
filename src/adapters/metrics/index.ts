import { localMetrics } from './local.ts';
import type { MetricsProvider } from './metrics.ts';
import { prometheusMetrics } from './prometheus.ts';

/** Metrics providers by kind. */
export const metricsProviders = {
  local: localMetrics,
  prometheus: prometheusMetrics,
} satisfies Record<string, (options: never) => MetricsProvider>;
