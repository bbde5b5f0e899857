import type { ConfigurationSource } from './configuration.ts';
import { type LocalConfigurationSourceOptions, localConfigurationSource } from './local.ts';

/** Sources of configuration by kind of platform. */
export const configurationSources = { local: localConfigurationSource } satisfies Record<
  string,
  (options: LocalConfigurationSourceOptions) => ConfigurationSource
>;
