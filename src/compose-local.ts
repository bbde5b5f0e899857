import type { Adapters } from './adapters/adapters.ts';
import type { LocalServiceConfiguration } from './config/schema.ts';
import type { Clock } from './model/clock.ts';

export interface LocalAdaptersInput {
  serviceName: string;
  configuration: LocalServiceConfiguration;
  /** Absolute. */
  configPath: string;
  configFolder: string;
  /** The state folder, absolute. */
  statePath: string;
  clock: Clock;
}

/** The adapters of a service on the embedded platform. */
export async function localAdapters(
  input: LocalAdaptersInput,
): Promise<Omit<Adapters, 'database' | 'migrations'>> {
  const context = { ...input, service: input.serviceName, stateDir: input.statePath };
  const [
    { platforms },
    { registries },
    { configurationSources },
    { healthProbes },
    { metricsProviders },
    { stores },
  ] = await Promise.all([
    import('./adapters/platform/index.ts'),
    import('./adapters/registry/index.ts'),
    import('./adapters/configuration/index.ts'),
    import('./adapters/health/index.ts'),
    import('./adapters/metrics/index.ts'),
    import('./adapters/store/index.ts'),
  ]);
  return {
    platform: platforms.local(context),
    registry: registries['oci-layout'](context),
    configuration: configurationSources.local(context),
    health: healthProbes.http(context),
    metrics: metricsProviders.local(context),
    store: stores.file({ path: input.statePath, clock: input.clock }),
  };
}
