import { resolve } from 'node:path';
import { type ServiceFile, serviceFile } from '../adapters/platform/local/service-file.ts';
import { serviceFolder } from '../adapters/platform/local/service-folder.ts';
import type { CommandContext } from './context.ts';

/** The embedded platform's own folder and what it is told of the service. */
export function localService(context: CommandContext): { dir: string; file: ServiceFile } {
  const { serviceName, configuration, configFolder, statePath } = context;
  const dir = serviceFolder(statePath, serviceName);
  const file = serviceFile(serviceName, configuration, configFolder, (path) => resolve(configFolder, path));
  return { dir, file };
}
