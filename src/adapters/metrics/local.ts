import { RollbackError } from '../../model/error.ts';
import { proxyClient } from '../platform/local/proxy-api.ts';
import { serviceFolder } from '../platform/local/service-folder.ts';
import type { MetricsProvider } from './metrics.ts';

export interface LocalMetricsOptions {
  service: string;
  /** The state folder, absolute. */
  stateDir: string;
}

/** What the local platform's proxy counted. */
export function localMetrics({ service, stateDir }: LocalMetricsOptions): MetricsProvider {
  const proxy = proxyClient(serviceFolder(stateDir, service));
  return {
    name: "the local proxy's own counters",
    async window(release, sinceMs, untilMs, signal) {
      try {
        const { latency: _, ...window } = await proxy.traffic(release, sinceMs, untilMs, signal);
        return window;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RollbackError)) throw error;
        throw new RollbackError({
          code: 'METRICS_UNREACHABLE',
          summary: 'The traffic of the proxy cannot be read',
          detail: [`${error.summary}.`, error.detail].filter(Boolean).join(' '),
          fix: 'Look at what runs: rollback-deploy-auto local status',
          retriable: error.retriable,
          cause: error,
        });
      }
    },
  };
}
