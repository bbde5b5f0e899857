import type { ConfigurationSource } from './configuration/configuration.ts';
import type { Database } from './database/database.ts';
import type { HealthProbe } from './health/health.ts';
import type { MetricsProvider } from './metrics/metrics.ts';
import type { MigrationSource } from './migrations/migrations.ts';
import type { Platform } from './platform/platform.ts';
import type { Registry } from './registry/registry.ts';
import type { StateStore } from './store/store.ts';

/** The adapters of one service, as `compose.ts` builds them from the configuration. */
export interface Adapters {
  platform: Platform;
  registry: Registry;
  /** undefined where none is configured. */
  database: Database | undefined;
  migrations: MigrationSource | undefined;
  configuration: ConfigurationSource;
  health: HealthProbe;
  metrics: MetricsProvider;
  store: StateStore;
}
