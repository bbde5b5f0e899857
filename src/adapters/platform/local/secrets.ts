import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import type { SecretReference } from '../../../model/release.ts';

/**
 * Values of a release's secrets by variable, from their sources as they are now.
 * @param given values that take precedence over the environment's, by variable
 * @throws RollbackError `SECRET_MISSING` naming variable and source, never a value
 */
export async function resolveSecrets(
  secrets: Record<string, SecretReference>,
  given: Record<string, string>,
  configFolder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [name, { source }] of Object.entries(secrets)) {
    const value = given[name] ?? (await read(source, configFolder, environment));
    if (value === undefined) {
      throw new RollbackError({
        code: 'SECRET_MISSING',
        summary: `The secret ${name} is missing`,
        detail: `Its source ${source} has no value now.`,
        fix: source.startsWith('env:')
          ? `Set ${source.slice(4)} in the environment of this command, then run it again.`
          : `Put ${source.slice(5)} back, then run the command again.`,
      });
    }
    values[name] = value;
  }
  return values;
}

/** The values of `env:` sources that this process's environment has, by variable. */
export function secretsFromEnvironment(
  sources: Record<string, string>,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, source] of Object.entries(sources)) {
    const value = source.startsWith('env:') ? environment[source.slice(4)] : undefined;
    if (value !== undefined) values[name] = value;
  }
  return values;
}

async function read(
  source: string,
  configFolder: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (source.startsWith('env:')) return environment[source.slice(4)];
  try {
    return (await readFile(resolve(configFolder, source.slice(5)), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
