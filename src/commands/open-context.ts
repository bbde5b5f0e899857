import { compose } from '../compose.ts';
import { loadConfiguration, selectService } from '../config/load.ts';
import { thisHolder } from '../holder.ts';
import type { CommandContext } from './context.ts';
import { systemClock } from './system-clock.ts';

/** What only the front door can give: the person at the other end. */
export interface FrontDoor extends Pick<CommandContext, 'emit' | 'stop' | 'consent' | 'renderRecord'> {
  /** Where the search for the configuration begins. */
  cwd: string;
  /** `--config`. */
  config: string | undefined;
  /** `--service`. */
  service: string | undefined;
}

/**
 * Everything a command works with, from the configuration.
 * @throws RollbackError of exit 2 where the configuration or the service's name is wrong.
 */
export async function openContext({ cwd, config, service, ...given }: FrontDoor): Promise<CommandContext> {
  const { configuration, path, folder, statePath } = await loadConfiguration(cwd, config);
  const selected = selectService(configuration, service);
  const base = {
    serviceName: selected.name,
    configuration: selected.configuration,
    configFolder: folder,
    statePath,
    clock: systemClock,
  };
  const built = await compose({ ...base, configPath: path });
  return { ...base, ...given, ...built, configPath: path, holder: thisHolder() };
}
