import { type KubernetesServiceConfiguration, serviceSchema } from './schema.ts';

/** Which cluster and namespace are meant, and what else was typed that wins over a configuration. */
export interface ClusterChoice {
  /** `-n`. */
  namespace?: string | undefined;
  /** `--context`. */
  context?: string | undefined;
  /** `--restore-secrets`: beside those configured. */
  restoreSecrets?: string[] | undefined;
}

/** The configuration of a workload that no file names: every default. @param workload e.g. `deployment/api` */
export function workloadConfiguration(
  workload: string,
  choice: ClusterChoice,
): KubernetesServiceConfiguration {
  const { namespace, context, restoreSecrets } = choice;
  const platform = { kind: 'kubernetes', workloads: [workload], namespace, context, restoreSecrets };
  return serviceSchema.parse({
    platform,
    registry: { kind: 'distribution' },
  }) as KubernetesServiceConfiguration;
}

/** What was typed wins over what is configured. */
export function withChoice(
  configuration: KubernetesServiceConfiguration,
  { namespace, context, restoreSecrets = [] }: ClusterChoice,
): KubernetesServiceConfiguration {
  const { platform } = configuration;
  return {
    ...configuration,
    platform: {
      ...platform,
      ...(namespace === undefined ? {} : { namespace }),
      ...(context === undefined ? {} : { context }),
      restoreSecrets: [...new Set([...platform.restoreSecrets, ...restoreSecrets])],
    },
  };
}
