import { baselineOf, compareWithBaseline } from '../judge/baseline.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { TrafficWindow } from '../model/facts.ts';
import type { MonitorResult, RunRecord } from '../model/record.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { findRun } from './find-run.ts';
import { updateRecord } from './records.ts';

/** Between two looks, ms. */
const LOOK_EVERY_MS = 5_000;
/** Codes of errors that the next look meets, too. */
const NOTHING_MEASURES = ['METRICS_NO_SOURCE', 'METRICS_NO_SERIES'];

/**
 * Watches a run that ended on its target until its time is up, then says in its record how it turned out. The process
 * that the platform keeps alive does the watching; for everybody else this attaches and tells what it sees.
 * Where the platform has no such process, this watches itself, also on from where an earlier watch was left.
 * @returns exit 0 resolved, 5 not confirmed or no traffic, 1 regressed, 3 left before its time was up.
 * @param run Its id, the beginning of it, or `last`.
 * @throws RollbackError `NOT_WATCHED`, `RUN_NOT_FOUND`, `RUN_AMBIGUOUS` (exit 2)
 */
export async function monitor(
  context: CommandContext,
  run: string,
  { attachedToSupervisor }: { attachedToSupervisor: boolean },
): Promise<CommandOutcome> {
  const runId = await findRun(context.adapters.store, run);
  const record = await readRecord(context, runId);
  if (!record?.monitor) {
    throw new RollbackError({
      code: 'NOT_WATCHED',
      summary: `Run ${runId} is not watched`,
      detail: `It ended on: ${record?.end ?? 'no end yet'}; only a run that ended on its target with --monitor above 0 is.`,
      fix: 'See the runs there were: rollback-deploy-auto history',
      exit: EXIT.usage,
    });
  }
  const { monitor: begun } = record;
  if (attachedToSupervisor) return outcome(runId, await watch(context, record, begun));
  if (context.adapters.platform.startMonitor) return outcome(runId, await attach(context, runId));
  try {
    return outcome(runId, await watch(context, record, goingOn(context, begun)));
  } catch (error) {
    if (!context.stop.immediate.aborted) throw error;
    return { ...outcome(runId, await leave(context, runId, begun)), exit: EXIT.interrupted };
  }
}

/** A watch that was left goes on while its time is not over. */
function goingOn({ clock }: CommandContext, begun: MonitorResult): MonitorResult {
  const left = begun.state === 'interrupted' && clock.now() < Date.parse(begun.until);
  return left ? { ...begun, state: 'watching', notes: [] } : begun;
}

/** Says in the record that nobody watches any more. */
async function leave(context: CommandContext, runId: string, begun: MonitorResult): Promise<MonitorResult> {
  const seen = (await readRecord(context, runId))?.monitor ?? begun;
  const notes = [...seen.notes, `Left before its end; to go on: rollback-deploy-auto monitor ${runId}`];
  const result: MonitorResult = { ...seen, state: 'interrupted', notes };
  await keep(context, runId, result);
  return result;
}

function outcome(runId: string, result: MonitorResult): CommandOutcome {
  return { exit: exitOf(result), runId, json: result, next: `rollback-deploy-auto show ${runId}` };
}

async function watch(
  context: CommandContext,
  record: RunRecord,
  begun: MonitorResult,
): Promise<MonitorResult> {
  const { clock, stop } = context;
  const until = Date.parse(begun.until);
  let result = begun;
  while (result.state === 'watching') {
    const left = until - clock.now();
    if (left > 0) await clock.sleep(Math.min(LOOK_EVERY_MS, left), stop.immediate);
    result = await look(context, record, begun, clock.now() >= until);
    await keep(context, record.runId, result);
    tell(context, result);
    await endWarm(context);
  }
  return result;
}

/** Where the platform itself does not end what was kept warm, whoever watches does once its time is over. */
async function endWarm({ adapters, emit, stop }: CommandContext): Promise<void> {
  try {
    const ended = await adapters.platform.endWarm?.({ fix: true }, stop.immediate);
    for (const says of ended ?? []) emit({ type: 'notice', message: `Ended: ${says}` });
  } catch (error) {
    if (stop.immediate.aborted || !(error instanceof RollbackError)) throw error;
    emit({ type: 'notice', message: `What is kept warm could not be ended: ${error.message}` });
  }
}

/** One look at all that passed since the run ended. */
async function look(
  context: CommandContext,
  record: RunRecord,
  begun: MonitorResult,
  last: boolean,
): Promise<MonitorResult> {
  const { adapters, clock, configuration, stop } = context;
  const lookedAt = new Date(clock.now()).toISOString();
  try {
    const facts = await adapters.platform.facts(stop.immediate);
    if (facts.current !== record.to.id) {
      const now = facts.releases.find((release) => release.id === facts.current)?.version ?? 'nothing';
      const notes = [`${now} runs now; ${record.to.version} is no longer watched.`];
      return { ...begun, state: 'interrupted', lookedAt, notes };
    }
    const { validation, good } = configuration;
    const { requests, errors, p95Ms, unmeasured } = await measure(context, record, begun);
    const target = facts.releases.find((release) => release.id === record.to.id);
    const findings = unmeasured
      ? []
      : compareWithBaseline({ requests, errors, p95Ms }, target && baselineOf(target, good.minRequests), {
          ...validation,
          latencyFloorMs: validation.latencyFloor,
        });
    const health = await adapters.health.probe(stop.immediate);
    const bad = findings.filter((finding) => finding.status === 'fail').map((finding) => finding.title);
    if (!health.ok && !health.unknown) bad.push(`Health endpoint: ${health.says}`);
    const unknown = findings.filter((finding) => finding.status === 'unknown');
    const open = [...unknown.map((finding) => finding.title), ...(unmeasured ? [unmeasured] : [])];
    const unasked = health.unknown ? [`Health endpoint: ${health.says.split('\n')[0]}`] : [];
    const state = last
      ? bad.length > 0
        ? 'regressed'
        : open.length > 0
          ? 'no-traffic'
          : 'resolved'
      : 'watching';
    const errorRate = requests === 0 ? undefined : errors / requests;
    return {
      ...begun,
      state,
      lookedAt,
      requests,
      errors,
      errorRate,
      p95Ms,
      notes: [...bad, ...open, ...unasked],
    };
  } catch (error) {
    if (stop.immediate.aborted || !(error instanceof RollbackError)) throw error;
    const notes = [`Could not look: ${error.message}`];
    return { ...begun, state: last ? 'interrupted' : 'watching', lookedAt, notes };
  }
}

/** What passed since the watch began; where nothing measures that, why, and the health is all there is to look at. */
async function measure(
  { adapters, clock, stop }: CommandContext,
  { to }: RunRecord,
  { since }: MonitorResult,
): Promise<Pick<TrafficWindow, 'requests' | 'errors' | 'p95Ms'> & { unmeasured?: string }> {
  try {
    return await adapters.metrics.window(to.id, Date.parse(since), clock.now(), stop.immediate);
  } catch (error) {
    const none = error instanceof RollbackError && NOTHING_MEASURES.includes(error.code);
    if (!none) throw error;
    return { requests: 0, errors: 0, p95Ms: undefined, unmeasured: `Error rate: ${error.summary}` };
  }
}

/** Follows the record that the watching process keeps. */
async function attach(context: CommandContext, runId: string): Promise<MonitorResult> {
  const { clock, stop } = context;
  let seen: string | undefined;
  for (;;) {
    const result = (await readRecord(context, runId))?.monitor;
    if (!result) throw new Error(`The record of ${runId} lost its monitor.`);
    if (result.lookedAt !== seen) tell(context, result);
    seen = result.lookedAt;
    if (result.state !== 'watching') return result;
    await clock.sleep(1_000, stop.immediate);
  }
}

function tell({ emit }: CommandContext, result: MonitorResult): void {
  const { state, requests, errors, p95Ms, until, notes } = result;
  const p95 = p95Ms === undefined ? 'p95 unknown' : `p95 ${Math.round(p95Ms)}ms`;
  const end = state === 'watching' ? ` until ${until}` : '';
  const message = `${state}${end}: ${requests} requests, ${errors} errors, ${p95}`;
  emit({ type: 'notice', message: [message, ...notes].join('; ') });
}

async function readRecord({ adapters }: CommandContext, runId: string): Promise<RunRecord | undefined> {
  return (await adapters.store.get<RunRecord>('records', runId))?.value;
}

async function keep(context: CommandContext, runId: string, result: MonitorResult): Promise<void> {
  const { adapters, statePath, renderRecord } = context;
  await updateRecord(adapters.store, statePath, runId, renderRecord, (record) => ({
    ...record,
    monitor: result,
  }));
}

function exitOf({ state }: MonitorResult): CommandOutcome['exit'] {
  if (state === 'resolved') return EXIT.done;
  return state === 'regressed' ? EXIT.failed : EXIT.unconfirmed;
}
