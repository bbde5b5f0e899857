import { compose } from '../compose.ts';
import { loadConfiguration, selectService } from '../config/load.ts';
import { systemClock } from './system-clock.ts';

export interface SuggestionsInput {
  cwd: string;
  config: string | undefined;
  service: string | undefined;
  /** Whether versions are wanted. */
  versions: boolean;
  /** Whether run ids are wanted. */
  runs: boolean;
  signal: AbortSignal;
}

/**
 * Versions that were deployed and runs, newest first, for completion in a shell.
 * @throws RollbackError where the configuration or the platform can't be read.
 */
export async function suggestions(input: SuggestionsInput): Promise<{ versions: string[]; runs: string[] }> {
  const { configuration, path, folder, statePath } = await loadConfiguration(input.cwd, input.config);
  const { name, configuration: service } = selectService(configuration, input.service);
  const { adapters } = await compose({
    configuration: service,
    serviceName: name,
    configFolder: folder,
    configPath: path,
    statePath,
    clock: systemClock,
  });
  const releases = input.versions ? (await adapters.platform.facts(input.signal)).releases : [];
  const runs = input.runs ? (await adapters.store.list()).reverse() : [];
  return { versions: [...new Set(releases.map(({ version }) => version))], runs };
}
