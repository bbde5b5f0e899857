import { type Command, Option } from 'commander';
import { parseDuration } from '../model/duration.ts';
import { CHECK_NAMES } from '../model/finding.ts';
import { STRATEGIES, type Strategy } from '../model/plan.ts';
import { didYouMean } from '../model/suggest.ts';
import { PROGRAM, usageError } from './usage.ts';

export const OUTPUTS = ['text', 'json'] as const;
export type Output = (typeof OUTPUTS)[number];

/** What was typed, as far as it was; defaults are applied by whoever runs the command. */
export interface Values {
  service?: string;
  config?: string;
  output?: Output;
  version?: string;
  strategy?: Strategy;
  backup?: boolean;
  /** Seconds. */
  timeout?: number;
  dryRun?: boolean;
  reason?: string;
  accept?: string[];
  yes?: boolean;
  /** Seconds. */
  monitor?: number;
  claude?: boolean;
  attachedToSupervisor?: boolean;
  /** `local deploy`: folder that the image is built from. */
  from?: string;
  /** `local deploy`: what an instance runs. */
  entrypoint?: string;
  /** `local deploy`: instances of the version beside the current release. */
  canary?: number;
  /** `-V`. */
  cliVersion?: boolean;
}

const TARGET = 'What to go back to:';
const SAFETY = 'Safety:';
export const GENERAL = 'General:';

/** Options of `rollback`, of the default command and of `plan`. */
export function addRollbackOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--version <TAG>', 'release to go back to (default: "previous", the last known good one)')
        .argParser(once('--version', version))
        .helpGroup(TARGET),
    )
    .addOption(
      new Option('--strategy <NAME>', `${STRATEGIES.join(', ')} (default: "rolling")`)
        .argParser(once('--strategy', oneOf('--strategy', 'strategy', STRATEGIES)))
        .helpGroup(TARGET),
    )
    .addOption(new Option('--backup', 'back up the database first (default)').helpGroup(SAFETY))
    .addOption(new Option('--no-backup', 'do not').helpGroup(SAFETY))
    .addOption(
      new Option('--timeout <SECONDS>', 'from the first move to the end of validation (default: 300)')
        .argParser(once('--timeout', timeout))
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option(
        '--monitor <TIME>',
        'keep watching afterwards, e.g. 30m; 0 for not at all (default: configured)',
      )
        .argParser(once('--monitor', monitor))
        .helpGroup(SAFETY),
    )
    .addOption(new Option('--dry-run', 'the whole plan and all checks; nothing is changed').helpGroup(SAFETY))
    .addOption(new Option('--dry_run').hideHelp())
    .addOption(
      new Option('--accept <CHECK,...>', 'go on though these checks stop it; needs --reason')
        .argParser(accept)
        .helpGroup(SAFETY),
    )
    .addOption(
      new Option('--reason <TEXT>', 'why; kept in the record')
        .argParser(once('--reason', text('--reason')))
        .helpGroup(SAFETY),
    )
    .addOption(new Option('-y, --yes', 'do not ask').helpGroup(SAFETY));
}

/** Options that every command takes, before or after its name. */
export function addGeneralOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--service <NAME>', 'service of the configuration (default: its only one)')
        .argParser(once('--service', text('--service')))
        .helpGroup(GENERAL),
    )
    .addOption(
      new Option('--config <FILE>', 'configuration (default: the nearest rollback.yaml, from here upward)')
        .argParser(once('--config', text('--config')))
        .helpGroup(GENERAL),
    )
    .addOption(
      new Option('--output <FORMAT>', 'text or json (default: "text")')
        .argParser(once('--output', oneOf('--output', 'output format', OUTPUTS)))
        .helpGroup(GENERAL),
    );
}

/** Options of `local deploy`. */
export function addDeployOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--from <FOLDER>',
        'build the image from this folder (default: the image is there already)',
      ).argParser(once('--from', text('--from'))),
    )
    .addOption(
      new Option('--entrypoint <COMMAND>', 'what an instance runs, e.g. "node server.mjs"').argParser(
        once('--entrypoint', text('--entrypoint')),
      ),
    )
    .addOption(
      new Option('--canary <INSTANCES>', 'only so many instances, beside the current release').argParser(
        once('--canary', canary),
      ),
    );
}

type Parser<T> = (value: string) => T;

/** A value given twice must be the same: no guess which of two targets was meant. */
function once<T>(flag: string, parse: Parser<T>): (value: string, previous: T | undefined) => T {
  return (value, previous) => {
    const parsed = parse(value);
    if (previous !== undefined && previous !== parsed) throw twice(flag, String(previous), String(parsed));
    return parsed;
  };
}

/** @returns the error for a contradiction. */
export function twice(flag: string, first: string, second: string): Error {
  return usageError(
    `${flag} is given twice`,
    `Once as "${first}" and once as "${second}".`,
    `Give it once: ${flag} ${second}`,
  );
}

/** An option in the place of a value means that the value was left out. */
function text(flag: string): Parser<string> {
  return (value) => {
    if (value === '' || /^--?[a-z]/i.test(value)) throw valueMissing(flag, value);
    return value;
  };
}

/** @returns the error for an option without its value. */
export function valueMissing(flag: string, instead?: string): Error {
  const found = instead ? `It is followed by ${instead}.` : undefined;
  if (flag === '--version') {
    return usageError(
      '--version needs the tag to go back to',
      `${found ? `${found} ` : ''}The version of ${PROGRAM} itself is printed by -V.`,
      `Name a release (${PROGRAM} releases lists them), e.g.: ${PROGRAM} --version v2.14.3, or ask for this program's own version: ${PROGRAM} -V`,
    );
  }
  return usageError(`${flag} needs a value`, found, `See: ${PROGRAM} --help`);
}

function version(value: string): string {
  const tag = text('--version')(value);
  // The OCI distribution specification's grammar of a tag.
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(tag)) {
    throw usageError(
      `"${tag}" cannot be a version`,
      'A tag has letters, digits, ".", "_" and "-", and at most 128 of them.',
      `See what there is: ${PROGRAM} releases`,
    );
  }
  return tag;
}

function oneOf<T extends string>(flag: string, noun: string, valid: readonly T[]): Parser<T> {
  return (value) => {
    const name = text(flag)(value);
    const match = valid.find((one) => one === name);
    if (match !== undefined) return match;
    throw usageError(
      `Unknown ${noun} "${name}"${didYouMean(name, valid)}`,
      `Valid are: ${valid.join(', ')}.`,
      `Give one of them, e.g.: ${flag} ${valid[0]}`,
    );
  };
}

function timeout(value: string): number {
  const seconds = parseDuration(text('--timeout')(value));
  if (seconds !== undefined && seconds > 0) return seconds;
  throw usageError(
    `--timeout must be a number of seconds above 0, not "${value}"`,
    'It covers the first move to the end of validation.',
    'Give seconds, or a duration such as 5m, e.g.: --timeout 300',
  );
}

function monitor(value: string): number {
  const seconds = parseDuration(text('--monitor')(value));
  if (seconds !== undefined) return seconds;
  throw usageError(
    `--monitor must be a duration, not "${value}"`,
    'It is the time to keep watching after validation.',
    'Give a duration such as 90s, 30m or 1h, or 0 for not at all, e.g.: --monitor 30m',
  );
}

function canary(value: string): number {
  const instances = Number(text('--canary')(value));
  if (Number.isInteger(instances) && instances > 0) return instances;
  throw usageError(
    `--canary must be a number of instances above 0, not "${value}"`,
    'They take their share of the traffic beside the current release.',
    'E.g.: --canary 1',
  );
}

function accept(value: string, previous: string[] | undefined): string[] {
  const names = text('--accept')(value)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const name of names) {
    if (name === 'lease') {
      throw usageError(
        'The lease cannot be waived',
        'It keeps two rollbacks from moving the same service at once.',
        `See who holds it, and how to take over: ${PROGRAM} status`,
      );
    }
    if (!(CHECK_NAMES as readonly string[]).includes(name)) {
      throw usageError(
        `Unknown check "${name}"${didYouMean(name, CHECK_NAMES)}`,
        `Checks that can be accepted: ${CHECK_NAMES.join(', ')}.`,
        `See which of them stop the rollback: ${PROGRAM} check`,
      );
    }
  }
  return [...new Set([...(previous ?? []), ...names])];
}
