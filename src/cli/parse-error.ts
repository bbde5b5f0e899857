import type { Command, CommanderError } from 'commander';
import { didYouMean } from '../model/suggest.ts';
import { valueMissing } from './option-values.ts';
import { PROGRAM, usageError } from './usage.ts';

/** What the parser refused, said in the product's way: what, why, and what to type. */
export function commanderProblem(error: CommanderError, command: Command): Error {
  const help = `See: ${[PROGRAM, ...namesOf(command), '--help'].join(' ')}`;
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  switch (error.code) {
    case 'commander.unknownOption':
      return unknownOption(quoted, command, help);
    case 'commander.optionMissingArgument':
      return valueMissing(/--[\w-]+/.exec(quoted)?.[0] ?? quoted);
    case 'commander.missingArgument':
      return usageError(`${namesOf(command).join(' ')} needs ${quoted}`, describe(command, quoted), help);
    case 'commander.excessArguments':
      return usageError(
        `${namesOf(command).join(' ')} takes ${command.registeredArguments.length === 0 ? 'no operand' : 'one operand'}`,
        `It was given: ${command.args.join(', ')}.`,
        help,
      );
    case 'commander.unknownCommand':
      return unknownCommand(quoted, command);
    case 'commander.help':
      return usageError(
        `${namesOf(command).join(' ')} needs a command`,
        `Commands: ${command.commands.map((one) => one.name()).join(', ')}.`,
        help,
      );
    default:
      return usageError(error.message.replace(/^error: /, '').split('\n')[0] as string, undefined, help);
  }
}

/** @returns the error for a command that does not exist. */
export function unknownCommand(name: string, parent: Command): Error {
  const valid = parent.commands.map((one) => one.name()).filter((one) => one !== 'complete');
  const names = namesOf(parent);
  return usageError(
    `Unknown command "${[...names, name].join(' ')}"${didYouMean(name, valid)}`,
    `Commands: ${valid.join(', ')}.`,
    `See: ${[PROGRAM, ...names, '--help'].join(' ')}`,
  );
}

function unknownOption(typed: string, command: Command, help: string): Error {
  const flag = typed.replace(/=.*$/s, '');
  const valid = command.options
    .filter((one) => !one.hidden)
    .flatMap((one) => [one.long ?? '', one.short ?? '']);
  const flags = valid.filter((one) => one !== '');
  if (flag !== typed && flags.includes(flag)) {
    return usageError(`${flag} takes no value`, `It was given as ${typed}.`, `Write it alone: ${flag}`);
  }
  const names = command.parent ? ` of "${namesOf(command).join(' ')}"` : '';
  return usageError(
    `Unknown option ${flag}${names}${didYouMean(
      flag,
      flags.filter((one) => one.startsWith('--')),
    )}`,
    `Options: ${flags.filter((one) => one.startsWith('--')).join(', ')}.`,
    help,
  );
}

function describe(command: Command, operand: string): string | undefined {
  const description = command.registeredArguments.find((one) => one.name() === operand)?.description;
  return description ? `${operand} is the ${description}.` : undefined;
}

function namesOf(command: Command): string[] {
  return command.parent ? [...namesOf(command.parent), command.name()] : [];
}
