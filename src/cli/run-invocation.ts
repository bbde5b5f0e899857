import { resolve } from 'node:path';
import type { CommandContext, CommandOutcome, RollbackOptions } from '../commands/context.ts';
import { EXIT, type ExitCode, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import { askOnTerminal, consent } from './consent.ts';
import { OF_RUN } from './operands.ts';
import type { Values } from './options.ts';
import { printError } from './print-error.ts';
import type { Invocation } from './program.ts';
import { selectionOf, withSelection } from './selection.ts';
import { neverStopped, type Signals, stopOnSignals } from './stop-signals.ts';

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
  restore: async (context, { operands, values }) =>
    (await import('../commands/restore.ts')).restore(context, {
      backup: operands[0],
      accept: values.accept ?? [],
      reason: values.reason,
    }),
  snapshot: async (context) => (await import('../commands/snapshot-service.ts')).snapshotService(context),
  'local start': async (context) => (await import('../commands/local-start.ts')).localStart(context),
  'local deploy': async (context, { operands, values }) => {
    const { from, entrypoint, canary } = values;
    return (await import('../commands/local-deploy.ts')).localDeploy(context, {
      tag: operands[0] as string,
      from,
      entrypoint: entrypoint?.split(/\s+/).filter(Boolean),
      canary,
    });
  },
  'local status': async (context) => (await import('../commands/local-status.ts')).localStatus(context),
  'local stop': async (context) => (await import('../commands/local-stop.ts')).localStop(context),
};

/** Commands whose work a signal ends on safe ground instead of at once. */
const STOPPED_SAFELY = ['rollback', 'resume', 'abort', 'monitor'];

/** Commands after which the client watches by itself, where the platform has nobody who does. */
const WATCHED_AFTER = ['rollback', 'resume', 'abort'];

/**
 * Runs a command and prints what it leaves.
 * @returns what the process exits with.
 * @throws whatever the command throws, once the terminal is as it was before.
 */
export async function runInvocation(invocation: Invocation, argv: string[]): Promise<ExitCode> {
  const { command, values, operands } = invocation;
  const selection = selectionOf(invocation);
  const stdout = withSelection(process.stdout, selection);
  const stderr = withSelection(process.stderr, selection);
  if (values.kubeconfig !== undefined) process.env.KUBECONFIG = resolve(values.kubeconfig);
  if (command === 'completion') {
    const { completionScript } = await import('./completion-script.ts');
    stdout.write(completionScript(operands[0] as string));
    return EXIT.done;
  }
  if (command === 'complete') {
    const { complete } = await import('./completion.ts');
    stdout.write(await complete(operands));
    return EXIT.done;
  }
  const output = values.output ?? 'text';
  const interactive = stdout.isTTY === true && stderr.isTTY === true && process.env.TERM !== 'dumb';
  const { createReporter } = await import('../report/create-reporter.ts');
  const { systemClock } = await import('../commands/system-clock.ts');
  const reporter = await createReporter({ stdout, stderr, output, interactive, clock: systemClock });
  const signals = signalsFor(invocation, reporter.emit);
  let context: CommandContext | undefined;
  let outcome: CommandOutcome;
  try {
    if (ON_A_SERVICE[command]) {
      context = await contextFor(invocation, argv, reporter.emit, signals);
      // Found by its run: the commands that follow may not be about that run.
      const { platform } = context.configuration;
      if (selection && context.configPath === undefined && platform.kind === 'kubernetes')
        selection.workload ??= platform.workloads[0];
    }
    outcome = await outcomeOf(invocation, context);
  } catch (error) {
    reporter.finish();
    if (!(error instanceof RollbackError)) throw error;
    return printError(error, { stdout, stderr, output, debug: process.env.DEBUG === '1' });
  }
  reporter.finish(documentOf(outcome));
  if (output === 'text') await printText(stdout, values.dryRun ? 'plan' : command, outcome);
  if (outcome.error) printError(outcome.error, { stdout, stderr, output: 'text', debug: false });
  if (context && WATCHED_AFTER.includes(command)) {
    const { watchHere } = await import('../commands/watch-here.ts');
    const emit: EventSink = (event) => {
      if (event.type === 'notice') stderr.write(`${event.message}\n`);
    };
    const stop = () => signals.restart(emit, 'monitor');
    outcome = await watchHere({ ...context, emit }, outcome, stop);
  }
  if (outcome.error) return outcome.exit;
  if (outcome.next && command !== 'plan' && !values.dryRun) stderr.write(`Next: ${outcome.next}\n`);
  return outcome.exit;
}

/** `--output json`: the command's document, of the same shape whether it went well or not; with `error` where not. */
function documentOf({ json, error, exit }: CommandOutcome): unknown {
  if (!error) return json;
  const { code, summary, detail, production, fix } = error;
  return { ...(json as object | null), error: { code, summary, detail, production, fix, exit } };
}

async function printText(
  stdout: NodeJS.WriteStream,
  command: string,
  outcome: CommandOutcome,
): Promise<void> {
  const { outcomeText } = await import('./outcome-text.ts');
  const text = await outcomeText(command, outcome);
  if (text === undefined) return;
  const { colourStatus } = await import('../report/status-colours.ts');
  const paint = colourStatus(stdout);
  stdout.write(`${text.split('\n').map(paint).join('\n')}\n`);
}

async function outcomeOf(
  invocation: Invocation,
  context: CommandContext | undefined,
): Promise<CommandOutcome> {
  const { command, values, workload, operands } = invocation;
  const onAService = ON_A_SERVICE[command];
  if (onAService && context) return onAService(context, invocation);
  switch (command) {
    case 'init':
      return (await import('../commands/init.ts')).init(process.cwd(), values);
    case 'doctor':
      return (await import('../commands/doctor.ts')).doctor(process.cwd(), { ...values, workload });
    case 'migrations': {
      const { engine, format, from, to, database, queries, writeReversal } = values;
      const options = { paths: operands, engine, format, from, to, database, queries };
      if (writeReversal)
        return (await import('../commands/write-reversal.ts')).writeReversal(process.cwd(), options);
      return (await import('../commands/migrations.ts')).migrations(process.cwd(), options);
    }
    default:
      throw new Error(`Command ${command} ${operands.join(' ')} is declared and not carried out.`);
  }
}

function signalsFor({ command, values }: Invocation, emit: EventSink): Signals {
  return STOPPED_SAFELY.includes(command) && !values.dryRun ? stopOnSignals(emit, command) : neverStopped();
}

async function contextFor(
  { command, values, workload, operands }: Invocation,
  argv: string[],
  emit: EventSink,
  stop: Signals,
): Promise<CommandContext> {
  const { openContext } = await import('../commands/open-context.ts');
  const { recordMarkdown } = await import('../report/record-markdown.ts');
  return openContext({
    cwd: process.cwd(),
    config: values.config,
    service: values.service,
    workload,
    namespace: values.namespace,
    context: values.context,
    restoreSecrets: values.restoreSecrets,
    ofRun: OF_RUN.includes(command) ? { run: operands[0] } : undefined,
    emit,
    stop,
    consent: (question) =>
      consent(question, {
        yes: values.yes ?? false,
        named: values.version !== undefined || command === 'resume' || command === 'abort',
        reason: values.reason,
        isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
        ask: askOnTerminal,
        argv,
      }),
    renderRecord: recordMarkdown,
  });
}

function rollbackOptions({ configuration }: CommandContext, values: Values): RollbackOptions {
  const { platform } = configuration;
  return {
    version: values.version ?? 'previous',
    strategy: values.strategy,
    backup: values.backup ?? true,
    backupVerify: values.backupVerify,
    timeoutS: values.timeout ?? 300,
    reason: values.reason,
    accept: values.accept ?? [],
    ...(values.reverseMigrations ? { reverseMigrations: true } : {}),
    monitorS: values.monitor ?? configuration.monitor.duration,
    batch: values.batch,
    restoreSecrets: platform.kind === 'kubernetes' ? platform.restoreSecrets : [],
  };
}
