import type { ConfigurationSource } from './configuration.ts';
import { type ConfiguredValues, fingerprintKey, readConfiguration } from './snapshot.ts';

export interface LocalConfigurationSourceOptions {
  configuration: { configuration: ConfiguredValues };
  /** Folder of the configuration file, absolute. */
  configFolder: string;
  /** The state folder, absolute. */
  stateDir: string;
}

/** Variables from `rollback.yaml`, files beside it, secrets from the environment and from files. */
export function localConfigurationSource(options: LocalConfigurationSourceOptions): ConfigurationSource {
  const { configuration, configFolder, stateDir } = options;
  return {
    async read() {
      const key = await fingerprintKey(stateDir);
      return readConfiguration(configuration.configuration, configFolder, key, process.env);
    },
  };
}
