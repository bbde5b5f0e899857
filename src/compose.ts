import type { Adapters } from './adapters/adapters.ts';
import type { ServiceConfiguration } from './config/schema.ts';
import type { StepRegistry } from './engine/step.ts';
import type { Clock } from './model/clock.ts';

export interface ComposeInput {
  serviceName: string;
  configuration: ServiceConfiguration;
  /** Absolute. */
  configPath: string;
  configFolder: string;
  /** The state folder, absolute. */
  statePath: string;
  clock: Clock;
}

export interface Composed {
  adapters: Adapters;
  steps: StepRegistry;
}

/**
 * Builds the adapters of a service from its configuration, and the steps that work with them. The only place that knows
 * concrete adapters; each kind is loaded when it is configured.
 */
export async function compose(input: ComposeInput): Promise<Composed> {
  const { configuration, statePath, clock } = input;
  const context = { ...input, service: input.serviceName, stateDir: statePath };
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
  const { kind } = configuration.platform;
  const adapters: Adapters = {
    platform: platforms[kind](context),
    registry: registries[configuration.registry.kind](context),
    ...(await databaseOf(input)),
    configuration: configurationSources[kind](context),
    health: healthProbes.http(context),
    metrics: metricsProviders[kind](context),
    store: stores.file({ path: statePath, clock }),
  };
  return { adapters, steps: await stepsOf(adapters) };
}

async function databaseOf(input: ComposeInput): Promise<Pick<Adapters, 'database' | 'migrations'>> {
  const { configuration, configFolder, statePath } = input;
  const { database } = configuration;
  if (!database) return { database: undefined, migrations: undefined };
  const [{ databases }, { migrationSources }] = await Promise.all([
    import('./adapters/database/index.ts'),
    import('./adapters/migrations/index.ts'),
  ]);
  const migrations = migrationSources[database.migrations.format]();
  const { history } = migrations;
  return {
    database: databases[database.kind]({ configuration, configFolder, stateDir: statePath, history }),
    migrations,
  };
}

/** The platform's own steps, and those that are the same everywhere. */
async function stepsOf({ platform, database, health, metrics }: Adapters): Promise<StepRegistry> {
  const [{ validateHealth }, { validateTraffic }] = await Promise.all([
    import('./steps/validate-health.ts'),
    import('./steps/validate-traffic.ts'),
  ]);
  const steps: StepRegistry = {
    ...platform.steps(),
    'validate-health': validateHealth(health),
    'validate-traffic': validateTraffic(metrics),
  };
  if (database) {
    const { backUpDatabase } = await import('./steps/back-up-database.ts');
    steps['back-up-database'] = backUpDatabase(database);
  }
  return steps;
}
