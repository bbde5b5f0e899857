import { RootCommand } from '@bomb.sh/tab';
import type { Command, Option } from 'commander';
import { CHECK_NAMES } from '../model/finding.ts';
import { ENGINES, MIGRATION_FORMATS } from '../model/migration-formats.ts';
import { STRATEGIES } from '../model/plan.ts';
import { WORKLOAD_KINDS, workloadAmong } from '../model/workload.ts';
import { WORKLOAD } from './operands.ts';
import { OUTPUTS } from './options.ts';
import { createProgram } from './program.ts';

/** Longest wait for values that are looked up, ms; a shell that waits for a Tab is worse than no suggestion. */
const LOOK_UP_MS = 1_500;

/** What could follow `words`, the last of which may be unfinished: `value<TAB>description` a line, then a directive. */
export async function complete(words: string[]): Promise<string> {
  const program = createProgram(async () => {});
  const root = new RootCommand();
  const found = await lookUp(words);
  define(root, program, '', found);
  return captured(() => root.parse([...words]));
}

/** Values that only the service itself knows. */
interface LookedUp {
  versions: string[];
  runs: string[];
}

function define(root: RootCommand, command: Command, path: string, found: LookedUp): void {
  const target = path === '' ? root : root.command(path, command.description());
  for (const option of command.options) {
    if (option.hidden || option.long === undefined) continue;
    const name = option.long.slice(2);
    const short = option.short?.slice(1);
    if (!option.required) target.option(name, option.description, short);
    else
      target.option(
        name,
        option.description,
        (add) => valuesOf(option, found).forEach((value) => void add(value, '')),
        short,
      );
  }
  for (const operand of command.registeredArguments) {
    const values = operandValues(operand.name(), found);
    target.argument(
      operand.name(),
      (add) => values.forEach((value) => void add(value, '')),
      operand.variadic,
    );
  }
  for (const inner of command.commands) {
    if (inner.name() === 'complete') continue;
    define(root, inner, path === '' ? inner.name() : `${path} ${inner.name()}`, found);
  }
}

function valuesOf(option: Option, { versions }: LookedUp): readonly string[] {
  switch (option.long) {
    case '--version':
      return ['previous', ...versions];
    case '--strategy':
      return STRATEGIES;
    case '--accept':
      return CHECK_NAMES;
    case '--engine':
      return ENGINES;
    case '--format':
      return MIGRATION_FORMATS;
    case '--output':
      return OUTPUTS;
    default:
      return [];
  }
}

function operandValues(name: string, { runs, versions }: LookedUp): string[] {
  if (name === 'RUN') return runs;
  if (name === WORKLOAD) return WORKLOAD_KINDS.map((kind) => `${kind}/`);
  if (name === 'TAG') return versions;
  return name === 'SHELL' ? ['bash', 'zsh', 'fish'] : [];
}

/** Asks for what the words call for. Where that can't be told, nothing is suggested: a shell has no place for errors. */
async function lookUp(words: string[]): Promise<LookedUp> {
  const nothing: LookedUp = { versions: [], runs: [] };
  const wantsVersions =
    words.at(-2) === '--version' || words.at(-1)?.startsWith('--version=') || words.includes('deploy');
  const wantsRuns = words.some((word) => ['resume', 'abort', 'show', 'monitor'].includes(word));
  if (!wantsVersions && !wantsRuns) return nothing;
  try {
    const { suggestions } = await import('../commands/suggestions.ts');
    const option = (flag: string) => {
      const at = words.indexOf(flag);
      return at === -1 ? undefined : words[at + 1];
    };
    return await suggestions({
      cwd: process.cwd(),
      config: option('--config'),
      service: option('--service'),
      workload: workloadAmong(words.filter((word) => word.includes('/'))).workload,
      namespace: option('--namespace') ?? option('-n'),
      context: option('--context'),
      versions: wantsVersions === true,
      runs: wantsRuns,
      signal: AbortSignal.timeout(LOOK_UP_MS),
    });
  } catch {
    return nothing;
  }
}

/** The library prints; this returns what it would have printed. */
function captured(print: () => void): string {
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(`${line}\n`);
  try {
    print();
  } finally {
    console.log = log;
  }
  return lines.join('');
}
