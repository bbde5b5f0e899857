import { Argument, Command, Option } from 'commander';
import { didYouMean } from '../model/suggest.ts';
import { workloadAmong } from '../model/workload.ts';
import { COMMAND_HELP, MAIN_HELP } from './help.ts';
import { acceptsWorkload, checkOperands, WORKLOAD } from './operands.ts';
import { twice } from './option-values.ts';
import {
  addClusterOptions,
  addDeployOptions,
  addGeneralOptions,
  addMigrationsOptions,
  addRbacOptions,
  addRestoreOptions,
  addRollbackOptions,
  GENERAL,
  type Values,
} from './options.ts';
import { commanderProblem, unknownCommand } from './parse-error.ts';
import { PROGRAM, usageError } from './usage.ts';

/** What was asked for. */
export interface Invocation {
  /** E.g. `rollback`, `show`, `local deploy`. */
  command: string;
  values: Values;
  /** E.g. `deployment/api`; undefined where none was named. */
  workload?: string;
  /** What else follows the command's name, e.g. a run's id. */
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
    .usage('[options] [command] [KIND/NAME]')
    .enablePositionalOptions()
    .allowExcessArguments()
    .commandsGroup(SETTING_UP)
    .helpCommand(false)
    .configureHelp({
      subcommandTerm: (made) =>
        [made.name(), ...made.registeredArguments.filter(isListed).map(operandTerm)].join(' '),
    })
    .addHelpText('after', MAIN_HELP);
  addGeneralOptions(addClusterOptions(addRollbackOptions(program)))
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
    if (acceptsWorkload(full)) made.argument(`[${WORKLOAD}]`, 'KIND/NAME (default: as configured)');
    define?.(made);
    if (acceptsWorkload(full) || full === 'init') addClusterOptions(made);
    (full === 'migrations' ? addMigrationsOptions : addGeneralOptions)(made).addHelpOption(
      new Option('-h, --help', 'this help').helpGroup(GENERAL),
    );
    const help = COMMAND_HELP[full];
    if (help) made.addHelpText('after', help);
    if (acceptsWorkload(full)) made.allowExcessArguments();
    made.action(async () => {
      const { workload, rest } = acceptsWorkload(full)
        ? workloadAmong(made.args)
        : { workload: undefined, rest: made.args };
      checkOperands(made, full, rest);
      await run({ command: full, values: valuesOf(made), ...(workload ? { workload } : {}), operands: rest });
    });
    return made;
  };

  command('rollback', GOING_BACK, 'go back; the same as giving no command', addRollbackOptions);
  command('plan', GOING_BACK, 'the whole plan and all checks, saved; nothing is changed', addRollbackOptions);
  command('check', GOING_BACK, 'could we roll back right now? the exit code says', addRollbackOptions);
  command('releases', GOING_BACK, 'what could be gone back to, with the evidence for and against each');
  command('restore', GOING_BACK, 'last resort: the database becomes what it was in a backup', (made) =>
    addRestoreOptions(made.argument('[BACKUP]', 'name of a backup (default: the newest)')),
  );
  command(
    'migrations',
    GOING_BACK,
    'judge migration files before they are merged: could the old code come back?',
    (made) =>
      made.argument('[PATH...]', 'folders of migrations, or files of one (default: the usual folder)'),
  );

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
    made
      .argument('[RUN]', 'id of the run, the beginning of it, or "last"')
      .usage('[options] [WORKLOAD] <RUN>'),
  );
  command('monitor', RUNS, 'watch a finished run for its monitor time', (made) =>
    made
      .argument('[RUN]', 'id of the run')
      .usage('[options] [WORKLOAD] <RUN>')
      .addOption(new Option('--attached-to-supervisor').hideHelp()),
  );
  command('snapshot', RUNS, 'keep the configuration of what runs now, to be restored with it later');

  command('init', SETTING_UP, 'write a commented rollback.yaml from what is here', (made) =>
    addRbacOptions(made.addOption(new Option('--claude', 'write a Claude Code command file instead'))),
  );
  command('doctor', SETTING_UP, 'look for what would get in the way, and say how to mend it', (made) =>
    made.addOption(new Option('--fix', 'put back what lost runs left on the objects of a cluster')),
  );
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
    const { workload, rest } = workloadAmong(program.args);
    const [unknown] = rest;
    if (unknown !== undefined && workload === undefined) throw unknownCommand(unknown, program);
    checkOperands(program, 'rollback', rest);
    const values = valuesOf(program);
    const command = values.cliVersion ? 'version' : 'rollback';
    await run({ command, values, ...(workload ? { workload } : {}), operands: [] });
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

/** Every command of a service takes a workload; the list of commands does not repeat it. */
function isListed(operand: Argument): boolean {
  return operand.name() !== WORKLOAD;
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
          `It is an option of ${listed(takersOf(key, command))}.`,
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

/** Commands that take an option. */
function takersOf(key: string, command: Command): string[] {
  let root = command;
  while (root.parent) root = root.parent;
  return root.commands
    .filter((one) => one.options.some((option) => option.attributeName() === key))
    .map((one) => one.name());
}

function listed(names: string[]): string {
  return names.length < 2 ? (names[0] ?? PROGRAM) : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
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
