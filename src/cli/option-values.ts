import { parseDuration } from '../model/duration.ts';
import { CHECK_NAMES, mayBeAccepted } from '../model/finding.ts';
import { didYouMean } from '../model/suggest.ts';
import { PROGRAM, usageError } from './usage.ts';

/** Reads the value of an option. @throws RollbackError `USAGE` where it makes no sense */
type Parser<T> = (value: string) => T;

/** A value given twice must be the same: no guess which of two targets was meant. */
export function once<T>(flag: string, parse: Parser<T>): (value: string, previous: T | undefined) => T {
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
export function text(flag: string): Parser<string> {
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

export function version(value: string): string {
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

export function oneOf<T extends string>(flag: string, noun: string, valid: readonly T[]): Parser<T> {
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

export function timeout(value: string): number {
  const seconds = parseDuration(text('--timeout')(value));
  if (seconds !== undefined && seconds > 0) return seconds;
  throw usageError(
    `--timeout must be a number of seconds above 0, not "${value}"`,
    'It covers the first move to the end of validation.',
    'Give seconds, or a duration such as 5m, e.g.: --timeout 300',
  );
}

export function monitor(value: string): number {
  const seconds = parseDuration(text('--monitor')(value));
  if (seconds !== undefined) return seconds;
  throw usageError(
    `--monitor must be a duration, not "${value}"`,
    'It is the time to keep watching after validation.',
    'Give a duration such as 90s, 30m or 1h, or 0 for not at all, e.g.: --monitor 30m',
  );
}

export function canary(value: string): number {
  const instances = Number(text('--canary')(value));
  if (Number.isInteger(instances) && instances > 0) return instances;
  throw usageError(
    `--canary must be a number of instances above 0, not "${value}"`,
    'They take their share of the traffic beside the current release.',
    'E.g.: --canary 1',
  );
}

export function batch(value: string): number {
  const pods = Number(text('--batch')(value));
  if (Number.isInteger(pods) && pods > 0) return pods;
  throw usageError(
    `--batch must be a number of pods above 0, not "${value}"`,
    'So many are moved at once, and so many more run meanwhile.',
    'E.g.: --batch 10',
  );
}

export function secretNames(value: string, previous: string[] | undefined): string[] {
  const names = listOf('--restore-secrets', value);
  return [...new Set([...(previous ?? []), ...names])];
}

function listOf(flag: string, value: string): string[] {
  return text(flag)(value)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

export function accept(value: string, previous: string[] | undefined): string[] {
  const names = listOf('--accept', value);
  for (const name of names) {
    if (name === 'lease') {
      throw usageError(
        'The lease cannot be waived',
        'It keeps two rollbacks from moving the same service at once.',
        `See who holds it, and how to take over: ${PROGRAM} status`,
      );
    }
    if (!mayBeAccepted(name)) {
      throw usageError(
        `Unknown check "${name}"${didYouMean(name, CHECK_NAMES)}`,
        `Checks that can be accepted: ${CHECK_NAMES.join(', ')}, and data-loss:NAME.`,
        `See which of them stop the rollback: ${PROGRAM} check`,
      );
    }
  }
  return [...new Set([...(previous ?? []), ...names])];
}
