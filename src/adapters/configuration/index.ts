import type { ConfigurationSource } from './configuration.ts';
import { kubernetesConfigurationSource } from './kubernetes.ts';
import { localConfigurationSource } from './local.ts';

/** Sources of configuration by kind of platform. */
export const configurationSources = {
  local: localConfigurationSource,
  kubernetes: kubernetesConfigurationSource,
} satisfies Record<string, (options: never) => ConfigurationSource>;
