import { createHash, createHmac, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative, resolve, sep } from 'node:path';
import { EXIT, RollbackError } from '../../model/error.ts';
import type { ConfigurationFacts } from '../../model/facts.ts';
import type { ConfigurationFile, ConfigurationSnapshot } from '../../model/release.ts';

/** The part `configuration` of a service in `rollback.yaml`. */
export interface ConfiguredValues {
  environment: Record<string, string>;
  /** Paths below the folder of `rollback.yaml`, and below the working directory of an instance. */
  files: string[];
  secrets: Record<string, { env: string } | { file: string }>;
}

const KEY_FILE = 'hmac.key';

/**
 * The key that secrets are fingerprinted with, 32 random bytes that never leave the machine: `<state>/hmac.key`, mode
 * 0600, made when it is first needed.
 */
export async function fingerprintKey(stateDir: string): Promise<Buffer> {
  const path = join(stateDir, KEY_FILE);
  const known = await readIfThere(path);
  if (known) return known;
  await mkdir(stateDir, { recursive: true });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(draft, randomBytes(32), { mode: 0o600, flag: 'wx', flush: true });
    // Whoever comes first: the others use that one.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(path);
}

/** What the sources say now. A source that can't be read is undefined in the facts. */
export async function readConfiguration(
  { environment, files, secrets }: ConfiguredValues,
  folder: string,
  key: Buffer,
  variables: NodeJS.ProcessEnv,
): Promise<ConfigurationFacts> {
  const hashes = files.map(async (path) => {
    const content = await readIfThere(join(folder, path));
    return [path, content && sha256(content)] as const;
  });
  return {
    environment,
    secrets: await fingerprints(secrets, folder, key, variables),
    files: Object.fromEntries(await Promise.all(hashes)),
  };
}

/**
 * The configuration that a release is deployed with.
 * @throws RollbackError `CONFIGURATION_MISSING` (exit 2) naming every file and secret that is not there,
 *   `CONFIGURATION_ESCAPES` (exit 2)
 */
export async function snapshotConfiguration(
  { environment, files, secrets }: ConfiguredValues,
  folder: string,
  key: Buffer,
  variables: NodeJS.ProcessEnv,
): Promise<ConfigurationSnapshot> {
  const read = await Promise.all(files.map((path) => readConfigurationFile(folder, path)));
  const known = await fingerprints(secrets, folder, key, variables);
  const missing = [
    ...files.filter((_, i) => read[i] === undefined).map((path) => `the file ${path}`),
    ...Object.entries(known)
      .filter(([, { fingerprint }]) => fingerprint === undefined)
      .map(([name, { source }]) => `the secret ${name} (${source})`),
  ];
  if (missing.length > 0) {
    throw new RollbackError({
      code: 'CONFIGURATION_MISSING',
      summary: 'The configuration of the service is not complete',
      detail: `Missing: ${missing.join(', ')}.`,
      fix: 'Provide what is missing, then run the command again.',
      exit: EXIT.usage,
    });
  }
  return { environment, secrets: known, files: read.filter((file) => file !== undefined) };
}

async function readConfigurationFile(folder: string, path: string): Promise<ConfigurationFile | undefined> {
  const way = relative('.', normalize(path));
  if (isAbsolute(path) || way === '..' || way.startsWith(`..${sep}`)) {
    throw new RollbackError({
      code: 'CONFIGURATION_ESCAPES',
      summary: `The configuration file ${path} lies outside of the folder of rollback.yaml`,
      fix: 'Name configuration files by paths below that folder.',
      exit: EXIT.usage,
    });
  }
  const content = await readIfThere(join(folder, path));
  if (!content) return undefined;
  const { mode } = await stat(join(folder, path));
  return {
    path: normalize(path).split(sep).join('/'),
    sha256: sha256(content),
    content: content.toString('base64'),
    mode: mode & 0o777,
  };
}

async function fingerprints(
  secrets: ConfiguredValues['secrets'],
  folder: string,
  key: Buffer,
  variables: NodeJS.ProcessEnv,
): Promise<ConfigurationFacts['secrets']> {
  const all = Object.entries(secrets).map(async ([name, from]) => {
    const source = 'env' in from ? `env:${from.env}` : `file:${from.file}`;
    const value =
      'env' in from
        ? variables[from.env]
        : (await readIfThere(resolve(folder, from.file)))?.toString('utf8').replace(/\r?\n$/, '');
    const fingerprint =
      value === undefined ? undefined : createHmac('sha256', key).update(value).digest('hex');
    return [name, { source, fingerprint }] as const;
  });
  return Object.fromEntries(await Promise.all(all));
}

/** undefined where it is not there or may not be read: then it can't be given to an instance either. */
async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
