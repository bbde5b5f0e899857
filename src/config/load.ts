import { access, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import { EXIT, RollbackError } from '../model/error.ts';
import { didYouMean } from '../model/suggest.ts';
import { type Problem, problemLine, schemaProblems } from './problems.ts';
import { type Configuration, configurationSchema, type ServiceConfiguration } from './schema.ts';

export const CONFIGURATION_FILES = ['rollback.yaml', 'rollback.yml'];

export interface LoadedConfiguration {
  configuration: Configuration;
  /** Absolute. */
  path: string;
  folder: string;
  /** The state folder, absolute. It need not exist. */
  statePath: string;
}

/**
 * Reads `file`, or the nearest `rollback.yaml` (or `.yml`) from `cwd` upward.
 * @throws RollbackError `CONFIG_NOT_FOUND`, `CONFIG_UNREADABLE` or `CONFIG_INVALID`, all with exit 2.
 */
export async function loadConfiguration(cwd: string, file?: string): Promise<LoadedConfiguration> {
  const path = file === undefined ? await findConfiguration(cwd) : resolve(cwd, file);
  const shown = displayPath(cwd, path);
  const configuration = parseConfiguration(await read(path, shown), shown);
  const folder = dirname(path);
  return { configuration, path, folder, statePath: resolve(folder, configuration.state.path) };
}

/**
 * @param file How the file is called in messages.
 * @throws RollbackError `CONFIG_INVALID` (exit 2) with every problem at its line and column.
 */
export function parseConfiguration(text: string, file: string): Configuration {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    // What follows the first error of syntax mostly follows from it; doubled keys stand each for themselves.
    const first = document.errors.find((error) => error.code !== 'DUPLICATE_KEY');
    const told = document.errors.filter((error) => error === first || error.code === 'DUPLICATE_KEY');
    throw invalid(
      file,
      told.map((error) => syntaxProblem(file, text, lines, error)),
    );
  }
  if (document.contents === null) {
    throw invalid(file, [`${file}:1:1  the file is empty; it must name at least one service`]);
  }
  const result = configurationSchema.safeParse(document.toJS());
  if (result.success) return result.data;
  const problems = schemaProblems(result.error, configurationSchema, document, lines);
  throw invalid(
    file,
    problems.map((problem: Problem) => problemLine(file, problem)),
  );
}

/**
 * The service that is meant: the named one, or the only one.
 * @throws RollbackError `SERVICE_UNKNOWN` or `SERVICE_NOT_NAMED` (exit 2), listing the valid names.
 */
export function selectService(
  configuration: Configuration,
  name: string | undefined,
): { name: string; configuration: ServiceConfiguration } {
  const names = Object.keys(configuration.services);
  if (name === undefined && names.length > 1) {
    throw new RollbackError({
      code: 'SERVICE_NOT_NAMED',
      summary: 'More than one service is configured, and none was named',
      detail: `The configuration has ${names.join(', ')}.`,
      fix: `Name one: --service ${names[0]}`,
      exit: EXIT.usage,
    });
  }
  const selected = name ?? (names[0] as string);
  const service = configuration.services[selected];
  if (!service) {
    throw new RollbackError({
      code: 'SERVICE_UNKNOWN',
      summary: `Unknown service "${selected}"${didYouMean(selected, names)}`,
      detail: `The configuration has ${names.join(', ')}.`,
      fix: `Name one of them: --service ${names[0]}`,
      exit: EXIT.usage,
    });
  }
  return { name: selected, configuration: service };
}

async function findConfiguration(cwd: string): Promise<string> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    for (const name of CONFIGURATION_FILES) {
      if (await exists(join(folder, name))) return join(folder, name);
    }
    if (dirname(folder) === folder) break;
  }
  throw new RollbackError({
    code: 'CONFIG_NOT_FOUND',
    summary: 'No rollback.yaml found',
    detail: `Neither ${resolve(cwd)} nor a folder above it has one.`,
    fix:
      'Name a workload of a Kubernetes cluster: rollback-deploy-auto deployment/NAME -n NAMESPACE\n' +
      'Or write a configuration from what is here: rollback-deploy-auto init (or name a file: --config FILE)',
    exit: EXIT.usage,
  });
}

async function read(path: string, shown: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new RollbackError({
      code: missing ? 'CONFIG_NOT_FOUND' : 'CONFIG_UNREADABLE',
      summary: missing ? `There is no configuration file ${shown}` : `Cannot read ${shown}`,
      detail: missing ? undefined : `${(error as Error).message}.`,
      fix: missing
        ? 'Write one from what is here: rollback-deploy-auto init'
        : 'Make it readable, or name another file: --config FILE',
      exit: EXIT.usage,
      cause: error,
    });
  }
}

function invalid(file: string, problems: string[]): RollbackError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new RollbackError({
    code: 'CONFIG_INVALID',
    summary: `${file} has ${count}`,
    detail: problems.join('\n'),
    fix: 'Mend the file, then look again: rollback-deploy-auto doctor',
    exit: EXIT.usage,
  });
}

/** The first line of the parser's message, and the line of the file with a caret below the place. */
function syntaxProblem(file: string, text: string, lines: LineCounter, error: YAMLError): string {
  const { line, col } = lines.linePos(error.pos[0]);
  const source = text.split(/\r?\n/)[line - 1] ?? '';
  const message = error.code === 'DUPLICATE_KEY' ? duplicateKey(text, error) : error.message.split('\n')[0];
  const column = Math.min(col, source.length + 1);
  const number = String(line);
  return [
    `${file}:${line}:${col}  ${message}`,
    `  ${number} | ${source}`,
    `  ${' '.repeat(number.length)} | ${' '.repeat(column - 1)}^`,
  ].join('\n');
}

function duplicateKey(text: string, error: YAMLError): string {
  const key = /^[^\s:]+/.exec(text.slice(error.pos[0]))?.[0] ?? '';
  return `duplicate key "${key}": this mapping has it already`;
}

function displayPath(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short === '' || short.startsWith('..') ? path : short;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
