import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONFIGURATION_FILES, parseConfiguration } from '../config/load.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { CLAUDE_COMMAND, CLAUDE_COMMAND_PATH } from './claude-command.ts';
import { configurationText } from './configuration-text.ts';
import type { CommandOutcome } from './context.ts';
import { survey } from './survey.ts';

export interface InitOptions {
  /** Where to write the configuration. Default `rollback.yaml`. */
  config?: string;
  /** The service's name. Default from what is found. */
  service?: string;
  /** Write the Claude Code command file instead. */
  claude?: boolean;
  /** Print the rights that a rollback needs in a namespace instead. */
  rbac?: boolean;
  /** Where they are needed. Default: the context's. */
  namespace?: string;
  context?: string;
  /** Who gets them. Default `rollback-deploy-auto`. */
  serviceAccount?: string;
}

/** What `init` did. */
export interface InitResult {
  /** Relative to the current folder. */
  file: string;
  /** False where it was there already with the same text. */
  written: boolean;
  /** Where each value comes from, a sentence each. */
  found: string[];
}

/**
 * Writes a commented `rollback.yaml` from what `folder` holds, or the Claude Code command file. Never overwrites.
 * @throws RollbackError `FILE_EXISTS` or `CANNOT_WRITE` (exit 2)
 */
export async function init(folder: string, options: InitOptions): Promise<CommandOutcome> {
  if (options.rbac) return (await import('./init-rbac.ts')).initRbac({ cwd: folder, ...options });
  const result = options.claude
    ? await writeClaudeCommand(folder)
    : await writeConfiguration(folder, options);
  return {
    exit: EXIT.done,
    json: result,
    next: options.claude ? 'in Claude Code: /rollback-deploy-auto' : 'rollback-deploy-auto doctor',
  };
}

async function writeConfiguration(folder: string, { config, service }: InitOptions): Promise<InitResult> {
  const names = config === undefined ? CONFIGURATION_FILES : [config];
  for (const name of names) {
    if (await exists(resolve(folder, name))) throw fileExists(name);
  }
  const file = names[0] as string;
  const path = resolve(folder, file);
  const found = await survey(folder);
  if (service !== undefined) found.name = { value: service, from: '--service' };
  const text = configurationText(found, await schemaPath(dirname(path)));
  // What can't be read back is not written.
  parseConfiguration(text, file);
  await write(path, text, file);
  return { file, written: true, found: sentences(found) };
}

async function writeClaudeCommand(folder: string): Promise<InitResult> {
  const path = join(folder, CLAUDE_COMMAND_PATH);
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw cannotWrite(CLAUDE_COMMAND_PATH, error);
  });
  if (present === CLAUDE_COMMAND) return { file: CLAUDE_COMMAND_PATH, written: false, found: [] };
  if (present !== undefined) throw fileExists(CLAUDE_COMMAND_PATH);
  await write(path, CLAUDE_COMMAND, CLAUDE_COMMAND_PATH);
  return { file: CLAUDE_COMMAND_PATH, written: true, found: [] };
}

async function write(path: string, text: string, file: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? fileExists(file) : cannotWrite(file, error);
  }
}

/** Where an editor finds the JSON Schema: installed beside the project, or with this program. */
async function schemaPath(folder: string): Promise<string> {
  const beside = './node_modules/rollback-deploy-auto/schema/rollback.schema.json';
  if (await exists(join(folder, beside))) return beside;
  const own = await packagedSchema();
  const short = relative(folder, own);
  return short.startsWith('..') ? own : `./${short}`;
}

/** The package's own copy; the code may be one folder below its root or more. */
async function packagedSchema(): Promise<string> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'schema/rollback.schema.json');
    if ((await exists(candidate)) || dirname(folder) === folder) return candidate;
  }
}

function sentences(found: Awaited<ReturnType<typeof survey>>): string[] {
  const { name, port, healthPath, images, databases, migrations, secretNames } = found;
  return [
    `service ${name.value}, from ${name.from}`,
    port ? `port ${port.value}, from ${port.from}` : 'port 8080: none was found, so that is a guess',
    healthPath
      ? `health path ${healthPath.value}, from ${healthPath.from}`
      : 'health path /healthz: none was found, so that is a guess',
    images ? `images in ${images}/` : 'no OCI image layout was found; images/ is a guess',
    databases.length === 0
      ? 'no SQLite database was found: schema compatibility will not be checked'
      : `database ${databases[0]}${databases.length > 1 ? `; also found: ${databases.slice(1).join(', ')}` : ''}`,
    ...(migrations ? [migrationsFound(migrations)] : []),
    ...(secretNames.length > 0
      ? [`secrets by name in .env: ${secretNames.join(', ')}; their values are not read`]
      : []),
  ];
}

function fileExists(file: string): RollbackError {
  return new RollbackError({
    code: 'FILE_EXISTS',
    summary: `${file} is there already`,
    detail: 'It says something else, and is left as it is.',
    fix: `Edit it, or move it away and run again.`,
    exit: EXIT.usage,
  });
}

function cannotWrite(file: string, error: unknown): RollbackError {
  return new RollbackError({
    code: 'CANNOT_WRITE',
    summary: `Cannot write ${file}`,
    detail: `${(error as Error).message}.`,
    fix: 'Make the folder writable, or run this in another one.',
    exit: EXIT.usage,
    cause: error,
  });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function migrationsFound({ folder, formats }: { folder: string; formats: string[] }): string {
  const [first, ...others] = formats;
  if (first === undefined) return `migrations in ${folder}, of a format that the files don't tell`;
  return others.length === 0
    ? `migrations in ${folder}, ${first}`
    : `migrations in ${folder}, of ${formats.join(' or ')}`;
}
