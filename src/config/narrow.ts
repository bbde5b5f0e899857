import { EXIT, RollbackError } from '../model/error.ts';
import type {
  KubernetesServiceConfiguration,
  LocalServiceConfiguration,
  ServiceConfiguration,
} from './schema.ts';

export function isKubernetes(
  configuration: ServiceConfiguration,
): configuration is KubernetesServiceConfiguration {
  return configuration.platform.kind === 'kubernetes';
}

/**
 * The configuration of a service on the embedded platform, with what is a default only there.
 * @throws RollbackError `NOT_LOCAL` (exit 2) where the service runs elsewhere
 */
export function localConfiguration(
  name: string,
  configuration: ServiceConfiguration,
): LocalServiceConfiguration {
  const { platform, registry, health } = configuration;
  if (platform.kind !== 'local' || registry.kind !== 'oci-layout') {
    throw new RollbackError({
      code: 'NOT_LOCAL',
      summary: `Service ${name} does not run on the local platform`,
      detail: `Its platform is ${platform.kind}; the commands of "local" are for the embedded one.`,
      fix: 'See what runs: rollback-deploy-auto status',
      exit: EXIT.usage,
    });
  }
  return { ...configuration, platform, registry, health: { ...health, path: health.path ?? '/healthz' } };
}
