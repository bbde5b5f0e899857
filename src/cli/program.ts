import { Argument, Command, Option } from 'commander';
import { didYouMean } from '../model/suggest.ts';
import { COMMAND_HELP, MAIN_HELP } from './help.ts';
import {
  addDeployOptions,
  addGeneralOptions,
  addRollbackOptions,
  GENERAL,
  twice,
  type Values,
} from './options.ts';
import { commanderProblem, unknownCommand } from './parse-error.ts';
import { PROGRAM, usageError } from './usage.ts';

/** What was asked for. */
export interface Invocation {
  /** E.g. `rollback`, `show`, `local deploy`. */
  command: string;
  values: Values;
  /** What follows the command's name, e.g. a run's id. */
  operands: string[];
}

export type Run = (invocation: Invocation) => Promise<void>;

const GOING_BACK = 'Going back:';
const RUNS = 'Runs:';
const SETTING_UP = 'Setting up:';

/**
 * The command line: names, options and help. Loads nothing but the parser; every command is carried out by `run`.
 * `parseAsync` throws `RollbackError` for all that is typed wrong, and a `CommanderError` of exit code 0 after help.
 */
export function createProgram(run: Run): Command {
  const program = new Command(PROGRAM)
    .description('Takes a deployment back to the last version known to be good.')
    .usage('[options] [command]')
    .enablePositionalOptions()
    .allowExcessArguments()
    .commandsGroup(SETTING_UP)
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (made) => [made.name(), ...made.registeredArguments.map(operandTerm)].join(' '),
    })
    .addHelpText('after', MAIN_HELP);
  addGeneralOptions(addRollbackOptions(program))
    .addOption(new Option('-V, --cli-version', `version of ${PROGRAM} itself`).helpGroup(GENERAL))
    .addHelpOption(new Option('-h, --help', 'help, also of each command').helpGroup(GENERAL));
  quiet(program);

  const command = (
    name: string,
    group: string,
    description: string,
    define?: (command: Command) => unknown,
    parent: Command = program,
  ) => {
    const full = parent === program ? name : `${parent.name()} ${name}`;
    const made = parent
      .command(name)
      .summary(description)
      .description(sentence(description))
      .helpGroup(group)
      .allowExcessArguments(false);
    quiet(made);
    define?.(made);
    addGeneralOptions(made).addHelpOption(new Option('-h, --help', 'this help').helpGroup(GENERAL));
    const help = COMMAND_HELP[full];
    if (help) made.addHelpText('after', help);
    made.action(async () => run({ command: full, values: valuesOf(made), operands: made.args }));
    return made;
  };

  command('rollback', GOING_BACK, 'go back; the same as giving no command', addRollbackOptions);
  command('plan', GOING_BACK, 'the whole plan and all checks, saved; nothing is changed', addRollbackOptions);
  command('check', GOING_BACK, 'could we roll back right now? the exit code says', addRollbackOptions);
  command('releases', GOING_BACK, 'what could be gone back to, with the evidence for and against each');

  command('status', RUNS, 'what runs, the traffic per version, and who is moving it');
  command('resume', RUNS, 'go on with an interrupted run', (made) =>
    made
      .argument('[RUN]', 'id of the run (default: the unfinished one)')
      .addOption(new Option('-y, --yes', 'do not ask').helpGroup(GENERAL)),
  );
  command('abort', RUNS, 'take an unfinished run back to where it started', (made) =>
    made
      .argument('[RUN]', 'id of the run (default: the unfinished one)')
      .addOption(new Option('-y, --yes', 'do not ask').helpGroup(GENERAL)),
  );
  command('history', RUNS, 'past runs');
  command('show', RUNS, 'the record of a run', (made) =>
    made.argument('<RUN>', 'id of the run, the beginning of it, or "last"'),
  );
  command('monitor', RUNS, 'watch a finished run for its monitor time', (made) =>
    made.argument('<RUN>', 'id of the run').addOption(new Option('--attached-to-supervisor').hideHelp()),
  );

  command('init', SETTING_UP, 'write a commented rollback.yaml from what is here', (made) =>
    made.addOption(new Option('--claude', 'write a Claude Code command file instead')),
  );
  command('doctor', SETTING_UP, 'look for what would get in the way, and say how to mend it');
  command('completion', SETTING_UP, 'completion script for a shell', (made) =>
    made.addArgument(new Argument('<SHELL>', 'bash, zsh or fish').argParser(shell)),
  );
  const local = program
    .command('local')
    .summary('the local platform: start, deploy, status, stop')
    .description('The local platform, for a machine that has nothing else to roll back on.')
    .helpGroup(SETTING_UP)
    .enablePositionalOptions();
  quiet(local);
  const under = (name: string, description: string, define?: (command: Command) => unknown) =>
    command(name, 'Commands:', description, define, local);
  under('start', 'start the supervisor and the proxy');
  under('deploy', 'build the image of a version and deploy it', (made) =>
    addDeployOptions(made.argument('<TAG>', 'version to deploy')),
  );
  under('status', 'what the supervisor runs');
  under('stop', 'end the instances, the proxy and the supervisor');

  const help = program
    .command('help')
    .summary('help on a command')
    .description('Help on a command.')
    .helpGroup(SETTING_UP)
    .argument('[COMMAND...]', 'name of the command')
    .action((names: string[]) => commandNamed(names, program).help());
  quiet(help);

  program
    .command('complete', { hidden: true })
    .allowUnknownOption()
    .allowExcessArguments()
    .helpOption(false)
    .argument('[words...]')
    .passThroughOptions()
    .action(async (words: string[]) => run({ command: 'complete', values: {}, operands: words }));

  program.action(async () => {
    const [unknown] = program.args;
    if (unknown !== undefined) throw unknownCommand(unknown, program);
    const values = valuesOf(program);
    await run({ command: values.cliVersion ? 'version' : 'rollback', values, operands: [] });
  });
  return program;
}

function commandNamed(names: string[], program: Command): Command {
  return names.reduce((parent, name) => {
    const found = parent.commands.find((one) => one.name() === name);
    if (!found) throw unknownCommand(name, parent);
    return found;
  }, program);
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}

function operandTerm(operand: Argument): string {
  return operand.required ? `<${operand.name()}>` : `[${operand.name()}]`;
}

/** Errors are thrown instead of printed; `run` of the front door prints them all in one way. */
function quiet(command: Command): void {
  command
    .exitOverride((error) => {
      throw error.exitCode === 0 ? error : commanderProblem(error, command);
    })
    .configureOutput({ outputError: () => {} });
}

/** What was typed before and after the command's name, together. @throws RollbackError where that contradicts itself. */
function valuesOf(command: Command): Values {
  const merged: Record<string, unknown> = { ...command.opts() };
  for (let above = command.parent; above; above = above.parent) {
    for (const [key, value] of Object.entries(above.opts())) {
      const option = above.options.find((one) => one.attributeName() === key);
      const flag = option?.long ?? key;
      if (!command.options.some((one) => one.attributeName() === key)) {
        throw usageError(
          `${flag} does not belong to "${command.name()}"`,
          'It is an option of rollback, plan and check.',
          `Leave it out, or see what ${command.name()} takes: ${PROGRAM} ${command.name()} --help`,
        );
      }
      const own = merged[key];
      if (Array.isArray(own) && Array.isArray(value)) merged[key] = [...new Set([...value, ...own])];
      else if (own !== undefined && own !== value) throw twice(flag, String(value), String(own));
      else merged[key] = value;
    }
  }
  const { dry_run, ...values } = merged as Values & { dry_run?: boolean };
  if (dry_run) values.dryRun = true;
  if (values.accept?.length && values.reason === undefined) {
    throw usageError(
      '--accept needs a reason',
      'Going on though a check stops it is recorded with why.',
      `Add one: --accept ${values.accept.join(',')} --reason "..."`,
    );
  }
  return values;
}

function shell(name: string): string {
  const valid = ['bash', 'zsh', 'fish'];
  if (valid.includes(name)) return name;
  throw usageError(
    `Unknown shell "${name}"${didYouMean(name, valid)}`,
    `Valid are: ${valid.join(', ')}.`,
    `E.g.: ${PROGRAM} completion bash`,
  );
}
