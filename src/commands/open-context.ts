import { hostname, userInfo } from 'node:os';
import { processStart } from '../adapters/process-identity.ts';
import { compose } from '../compose.ts';
import { loadConfiguration, selectService } from '../config/load.ts';
import type { Holder } from '../model/journal.ts';
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
  return { ...base, ...given, ...built, configPath: path, holder: thisProcess() };
}

function thisProcess(): Holder {
  const { pid } = process;
  return { host: hostname(), user: userName(), pid, processStart: processStart(pid) ?? '' };
}

/** The login name, or the numeric id where the system knows no name for it (containers). */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env.USER ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
