import type { ConfigurationSource } from './configuration.ts';
import { type FileConfigurationOptions, fileConfiguration } from './files.ts';

/** Sources of configuration by kind of platform. */
export const configurationSources = { local: fileConfiguration } satisfies Record<
  string,
  (options: FileConfigurationOptions) => ConfigurationSource
>;
