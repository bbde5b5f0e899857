import { resolve } from 'node:path';
import { type ServiceFile, serviceFile } from '../adapters/platform/local/service-file.ts';
import { serviceFolder } from '../adapters/platform/local/service-folder.ts';
import { localConfiguration } from '../config/narrow.ts';
import type { LocalServiceConfiguration } from '../config/schema.ts';
import type { CommandContext } from './context.ts';

export interface LocalService {
  /** The embedded platform's own folder for the service. */
  dir: string;
  /** What it is told of the service. */
  file: ServiceFile;
  configuration: LocalServiceConfiguration;
  /** The state folder, absolute. */
  statePath: string;
}

/** The service as the embedded platform has it. @throws RollbackError `NOT_LOCAL` (exit 2) */
export function localService(context: CommandContext): LocalService {
  const { serviceName, configFolder, statePath } = context;
  const configuration = localConfiguration(serviceName, context.configuration);
  if (statePath === undefined) throw new TypeError('The local platform needs a state folder.');
  const dir = serviceFolder(statePath, serviceName);
  const file = serviceFile(serviceName, configuration, configFolder, (path) => resolve(configFolder, path));
  return { dir, file, configuration, statePath };
}
