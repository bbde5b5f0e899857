import type { CommandContext, CommandOutcome, RollbackOptions } from '../commands/context.ts';
import type { ExitCode } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import { askOnTerminal, consent } from './consent.ts';
import type { Values } from './options.ts';
import { printError } from './print-error.ts';
import type { Invocation } from './program.ts';
import { neverStopped, stopOnSignals } from './stop-signals.ts';

/** Commands that work on a service, each loaded only when it is run. */
const ON_A_SERVICE: Record<
  string,
  (context: CommandContext, invocation: Invocation) => Promise<CommandOutcome>
> = {
  rollback: async (context, { values }) => {
    if (values.dryRun)
      return (await import('../commands/plan.ts')).plan(context, rollbackOptions(context, values));
    return (await import('../commands/rollback.ts')).rollback(context, rollbackOptions(context, values));
  },
  plan: async (context, { values }) =>
    (await import('../commands/plan.ts')).plan(context, rollbackOptions(context, values)),
  check: async (context, { values }) =>
    (await import('../commands/check.ts')).check(context, rollbackOptions(context, values)),
  releases: async (context) => (await import('../commands/releases.ts')).releases(context),
  status: async (context) => (await import('../commands/status.ts')).status(context),
  resume: async (context, { operands }) =>
    (await import('../commands/resume.ts')).resume(context, operands[0]),
  abort: async (context, { operands }) => (await import('../commands/abort.ts')).abort(context, operands[0]),
  history: async (context) => (await import('../commands/history.ts')).history(context),
  show: async (context, { operands }) =>
    (await import('../commands/show.ts')).show(context, operands[0] as string),
  monitor: async (context, { operands, values }) =>
    (await import('../commands/monitor.ts')).monitor(context, operands[0] as string, {
      attachedToSupervisor: values.attachedToSupervisor ?? false,
    }),
};

/** Commands whose work a signal ends on safe ground instead of at once. */
const STOPPED_SAFELY = ['rollback', 'resume', 'abort', 'monitor'];

/**
 * Runs a command and prints what it leaves.
 * @returns what the process exits with.
 */
export async function runInvocation(invocation: Invocation, argv: string[]): Promise<ExitCode> {
  const { command, values } = invocation;
  const output = values.output ?? 'text';
  const { createReporter } = await import('../report/reporter.ts');
  const { stdout, stderr } = process;
  const reporter = createReporter({ stdout, stderr, output, isTerminal: stderr.isTTY === true });
  const outcome = await outcomeOf(invocation, argv, reporter.emit);
  await reporter.finish(outcome);
  if (outcome.error) printError(outcome.error, { stdout, stderr, output: 'text', debug: false });
  return outcome.exit;
}

async function outcomeOf(invocation: Invocation, argv: string[], emit: EventSink): Promise<CommandOutcome> {
  const { command, values, operands } = invocation;
  const onAService = ON_A_SERVICE[command];
  if (onAService) {
    const context = await contextFor(invocation, argv, emit);
    return onAService(context, invocation);
  }
  switch (command) {
    case 'init':
      return (await import('../commands/init.ts')).init(process.cwd(), values);
    case 'doctor':
      return (await import('../commands/doctor.ts')).doctor(process.cwd(), values);
    default:
      throw new Error(`Command ${command} ${operands.join(' ')} is declared and not carried out.`);
  }
}

async function contextFor(
  { command, values }: Invocation,
  argv: string[],
  emit: EventSink,
): Promise<CommandContext> {
  const { openContext } = await import('../commands/open-context.ts');
  const { renderRecord } = await import('../report/record-markdown.ts');
  return openContext({
    cwd: process.cwd(),
    config: values.config,
    service: values.service,
    emit,
    stop: STOPPED_SAFELY.includes(command) && !values.dryRun ? stopOnSignals(emit) : neverStopped(),
    consent: (question) =>
      consent(question, {
        yes: values.yes ?? false,
        named: values.version !== undefined || command === 'resume' || command === 'abort',
        reason: values.reason,
        isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
        ask: askOnTerminal,
        argv,
      }),
    renderRecord,
  });
}

function rollbackOptions({ configuration }: CommandContext, values: Values): RollbackOptions {
  return {
    version: values.version ?? 'previous',
    strategy: values.strategy ?? 'rolling',
    backup: values.backup ?? true,
    timeoutS: values.timeout ?? 300,
    reason: values.reason,
    accept: values.accept ?? [],
    monitorS: values.monitor ?? configuration.monitor.duration,
  };
}
