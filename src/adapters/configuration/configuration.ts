import type { ConfigurationFacts } from '../../model/facts.ts';

/** Where the configuration of a service comes from today. */
export interface ConfigurationSource {
  /** Reads variables, files and fingerprints of secrets. A source that can't be read is in the facts, not an error. */
  read(signal: AbortSignal): Promise<ConfigurationFacts>;
}
