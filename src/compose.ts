import type { Adapters } from './adapters/adapters.ts';
import type { SecretKeyReference } from './adapters/database/server-address.ts';
import type { KubernetesPlace } from './compose-kubernetes.ts';
import { isKubernetes, localConfiguration } from './config/narrow.ts';
import type { ServiceConfiguration } from './config/schema.ts';
import type { StepRegistry } from './engine/step.ts';
import type { Clock } from './model/clock.ts';

export interface ComposeInput {
  serviceName: string;
  configuration: ServiceConfiguration;
  /** Absolute; undefined where the service was named on the command line alone. */
  configPath: string | undefined;
  /** Where relative paths of the configuration start, absolute. */
  configFolder: string;
  /** The state folder, absolute; undefined where the state is kept elsewhere. */
  statePath: string | undefined;
  clock: Clock;
}

export interface Composed {
  adapters: Adapters;
  steps: StepRegistry;
  /** Where the workloads are; undefined where the service runs elsewhere. */
  kubernetes?: KubernetesPlace;
}

interface OfPlatform {
  adapters: Omit<Adapters, 'database' | 'migrations'>;
  kubernetes?: KubernetesPlace;
}

/**
 * Builds the adapters of a service from its configuration, and the steps that work with them. This file and those it
 * loads, one a platform, are the only places that know concrete adapters; each kind is loaded when it is configured.
 */
export async function compose(input: ComposeInput): Promise<Composed> {
  const { adapters: own, ...place } = await platformAdapters(input);
  const adapters = { ...own, ...(await databaseOf(input, place.kubernetes)) };
  return { adapters, steps: await stepsOf(adapters), ...place };
}

async function platformAdapters(input: ComposeInput): Promise<OfPlatform> {
  const { serviceName, configuration, configPath, statePath } = input;
  if (isKubernetes(configuration)) {
    const { kubernetesAdapters } = await import('./compose-kubernetes.ts');
    return kubernetesAdapters({ ...input, configuration });
  }
  if (configPath === undefined || statePath === undefined)
    throw new TypeError('The local platform needs a configuration file and a state folder.');
  const { localAdapters } = await import('./compose-local.ts');
  const local = localConfiguration(serviceName, configuration);
  return { adapters: await localAdapters({ ...input, configuration: local, configPath, statePath }) };
}

async function databaseOf(
  input: ComposeInput,
  place: KubernetesPlace | undefined,
): Promise<Pick<Adapters, 'database' | 'migrations'>> {
  const { configuration, configFolder } = input;
  const { database } = configuration;
  if (!database) return { database: undefined, migrations: undefined };
  const [{ databases }, { migrationSources }] = await Promise.all([
    import('./adapters/database/index.ts'),
    import('./adapters/migrations/index.ts'),
  ]);
  const migrations = migrationSources[database.migrations.format]();
  const { history } = migrations;
  const stateDir = input.statePath ?? configFolder;
  const secretKey = (reference: SecretKeyReference) => secretKeyAt(place, reference);
  return {
    database: databases[database.kind]({ configuration, configFolder, stateDir, history, secretKey }),
    migrations,
  };
}

/** In the cluster of the service; where it runs elsewhere, in that of the kubeconfig. */
async function secretKeyAt(
  place: KubernetesPlace | undefined,
  reference: SecretKeyReference,
): Promise<string> {
  const { readSecretKey } = await import('./kubernetes/secret-key.ts');
  const cluster = place?.cluster ?? (await (await import('./kubernetes/connect.ts')).connect());
  return readSecretKey(cluster, reference, place?.namespace ?? cluster.namespace);
}

/** The platform's own steps, and those that are the same everywhere. */
async function stepsOf({ platform, database, migrations, health, metrics }: Adapters): Promise<StepRegistry> {
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
    if (database.recordRestorePoint) {
      const { recordRestorePoint } = await import('./steps/record-restore-point.ts');
      steps['record-restore-point'] = recordRestorePoint(database.recordRestorePoint);
    }
  }
  if (database && migrations) {
    const [{ tryReversal }, { reverseMigration }] = await Promise.all([
      import('./steps/try-reversal.ts'),
      import('./steps/reverse-migration.ts'),
    ]);
    steps['try-reversal'] = tryReversal(database, migrations);
    steps['reverse-migration'] = reverseMigration(database, migrations);
  }
  return steps;
}
