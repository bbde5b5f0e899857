import type { LoadedConfiguration } from '../config/load.ts';
import { loadConfiguration, selectService } from '../config/load.ts';
import { isKubernetes } from '../config/narrow.ts';
import type { ServiceConfiguration } from '../config/schema.ts';
import { type ClusterChoice, withChoice, workloadConfiguration } from '../config/workload-configuration.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { serviceNameOf } from '../model/workload.ts';

/** What was typed of where to work. */
export interface Selection extends ClusterChoice {
  /** Where the search for the configuration begins. */
  cwd: string;
  /** `--config`. */
  config: string | undefined;
  /** `--service`. */
  service: string | undefined;
  /** E.g. `deployment/api`. */
  workload?: string | undefined;
}

/** One service and where its configuration comes from. */
export interface SelectedService {
  serviceName: string;
  configuration: ServiceConfiguration;
  /** Absolute; undefined where the service was named on the command line alone. */
  configPath: string | undefined;
  /** Absolute. */
  configFolder: string;
  /** Absolute; undefined where the state is kept in the cluster. */
  statePath: string | undefined;
}

/**
 * The service that is meant: of the configuration, or a workload that no configuration names, with every default.
 * @throws RollbackError of exit 2: `CONFIG_...`, `SERVICE_...`, `USAGE`
 */
export async function selectOne(selection: Selection): Promise<SelectedService> {
  const { cwd, workload, service } = selection;
  if (workload === undefined) {
    const loaded = await loadConfiguration(cwd, selection.config);
    const { name, configuration } = selectService(loaded.configuration, service);
    return selected(loaded, name, configuration, selection);
  }
  const loaded = await configurationIfThere(selection);
  const name = loaded && serviceWith(loaded, workload, selection);
  if (loaded && name !== undefined) {
    return selected(loaded, name, loaded.configuration.services[name] as ServiceConfiguration, selection);
  }
  if (service !== undefined) throw noSuchService(service, workload, 'There is no configuration here.');
  return workloadAlone(selection, workload, serviceNameOf(workload));
}

/** A service that is its workload with every default. */
export function workloadAlone(
  { cwd, namespace, context, restoreSecrets }: Selection,
  workload: string,
  serviceName: string,
): SelectedService {
  const configuration = workloadConfiguration(workload, { namespace, context, restoreSecrets });
  return { serviceName, configuration, configPath: undefined, configFolder: cwd, statePath: undefined };
}

/** undefined where none is there and none was named. */
export async function configurationIfThere({
  cwd,
  config,
}: Selection): Promise<LoadedConfiguration | undefined> {
  try {
    return await loadConfiguration(cwd, config);
  } catch (error) {
    const none = error instanceof RollbackError && error.code === 'CONFIG_NOT_FOUND' && config === undefined;
    if (none) return undefined;
    throw error;
  }
}

export function selected(
  loaded: LoadedConfiguration,
  serviceName: string,
  configuration: ServiceConfiguration,
  { namespace, context, restoreSecrets }: ClusterChoice,
): SelectedService {
  const place = { serviceName, configPath: loaded.path, configFolder: loaded.folder };
  if (isKubernetes(configuration)) {
    return {
      ...place,
      configuration: withChoice(configuration, { namespace, context, restoreSecrets }),
      statePath: undefined,
    };
  }
  if (namespace === undefined && context === undefined)
    return { ...place, configuration, statePath: loaded.statePath };
  const flag = namespace === undefined ? '--context' : '--namespace';
  throw new RollbackError({
    code: 'USAGE',
    summary: `${flag} does not fit service ${serviceName}`,
    detail: `Its platform is ${configuration.platform.kind}; ${flag} is for Kubernetes.`,
    fix: `Leave it out, or name a workload: rollback-deploy-auto deployment/NAME ${flag} ...`,
    exit: EXIT.usage,
  });
}

/** The configured service that has the workload; undefined where none has. */
function serviceWith(
  { configuration: { services } }: LoadedConfiguration,
  workload: string,
  { service, namespace }: Selection,
): string | undefined {
  const having = Object.entries(services).filter(
    ([name, { platform }]) =>
      platform.kind === 'kubernetes' &&
      (platform.workloads.includes(workload) || platform.canary === workload) &&
      (service === undefined || service === name),
  );
  const inNamespace = having.filter(
    ([, { platform }]) => platform.kind === 'kubernetes' && platform.namespace === namespace,
  );
  const names = (inNamespace.length > 0 ? inNamespace : having).map(([name]) => name);
  if (names.length > 1) {
    throw new RollbackError({
      code: 'SERVICE_NOT_NAMED',
      summary: `More than one configured service has ${workload}`,
      detail: `They are ${names.join(', ')}.`,
      fix: `Name one: --service ${names[0]}`,
      exit: EXIT.usage,
    });
  }
  if (names.length === 0 && service !== undefined) {
    throw noSuchService(service, workload, `The configuration has ${Object.keys(services).join(', ')}.`);
  }
  return names[0];
}

function noSuchService(service: string, workload: string, detail: string): RollbackError {
  return new RollbackError({
    code: 'SERVICE_UNKNOWN',
    summary: `No service "${service}" with ${workload} is configured`,
    detail,
    fix: `Leave out --service ${service}, or the workload.`,
    exit: EXIT.usage,
  });
}
