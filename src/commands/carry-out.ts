import type { Lease } from '../adapters/store/store.ts';
import type { DriveResult } from '../engine/drive.ts';
import { drive } from '../engine/drive.ts';
import { buildReturnPlan } from '../engine/plan.ts';
import { trafficShare } from '../engine/production.ts';
import { RollbackError } from '../model/error.ts';
import type { PlatformFacts } from '../model/facts.ts';
import type { Plan } from '../model/plan.ts';
import { referenceTo } from '../model/release.ts';
import type { RunState } from '../model/run-state.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { gatherFacts, lookUpImage } from './gather-facts.ts';
import { sameReversal } from './plan-reversal.ts';
import { type ChosenOptions, planFrom } from './prepare.ts';
import { recordOf, saveRecord } from './records.ts';
import { startMonitoring } from './start-monitoring.ts';

/**
 * Takes a journaled run on to an end or a stop, under a lease that is held: the one way for `rollback`, `resume` and
 * `abort`. Keeps the record, starts the monitor, and lets the lease go.
 */
export async function carryOut(
  context: CommandContext,
  lease: Lease,
  state: RunState,
  purpose: 'run' | 'resume' | 'abort',
): Promise<CommandOutcome> {
  const { adapters, clock, emit, stop } = context;
  const requested = new AbortController();
  if (purpose === 'abort') requested.abort('abort');
  const { store, platform } = adapters;
  const over = new AbortController();
  const interrupt = () => requested.abort('interrupt');
  stop.requested.addEventListener('abort', interrupt, { once: true });
  if (stop.requested.aborted) interrupt();
  const background = [
    watchTraffic(context, over.signal),
    watchAbort(context, state.runId, requested, over.signal),
  ];
  const readFacts = () => platform.facts(stop.immediate.aborted ? lastLook() : stop.immediate);
  try {
    await keepRecord(context, state.runId);
    const result = await drive({
      state,
      purpose,
      store,
      lease,
      steps: context.steps,
      clock,
      emit,
      timeoutS: state.asked.request.timeoutS,
      requested: requested.signal,
      immediate: stop.immediate,
      readFacts,
      rebuild: async () => {
        const facts = await gatherFacts(
          adapters,
          clock,
          context.configuration.retention.keep,
          stop.immediate,
        );
        return planAgain(context, state, facts);
      },
      planReturn: (facts) =>
        buildReturnPlan(state.plan, facts, new Date(clock.now()).toISOString(), platform),
    });
    return await outcomeOf(context, result);
  } finally {
    over.abort();
    stop.requested.removeEventListener('abort', interrupt);
    await Promise.all(background);
    await store.release(lease);
  }
}

/** The options that a run was asked for with. */
function optionsOf(state: RunState): ChosenOptions {
  const { request, to, strategy } = state.asked;
  return {
    version: to.id,
    strategy,
    backup: request.backup,
    backupVerify: request.backupVerify,
    timeoutS: request.timeoutS,
    reason: request.reason,
    accept: request.accepted,
    monitorS: request.monitorS,
    restoreSecrets: [],
    ...(request.reverseMigrations ? { reverseMigrations: true } : {}),
  };
}

async function planAgain(
  context: CommandContext,
  state: RunState,
  facts: Awaited<ReturnType<typeof gatherFacts>>,
) {
  const { asked } = state;
  const to = facts.platform.releases.find((release) => release.id === asked.to.id);
  if (!to) {
    throw new RollbackError({
      code: 'TARGET_GONE',
      summary: `Release ${asked.to.version} (${asked.to.id}) is no longer known to the platform`,
    });
  }
  facts.platform = withTargets(facts.platform, asked);
  if (asked.beside !== undefined) facts.platform.beside = asked.beside;
  facts.images[to.id] ??= await lookUpImage(context.adapters, context.clock, to, context.stop.immediate);
  const current = facts.platform.releases.find((release) => release.id === facts.platform.current);
  const from = current && current.id !== to.id ? referenceTo(current) : asked.from;
  const plan = await planFrom(context, optionsOf(state), facts, { to, from, skipped: [] }, state.runId, {
    reversal: sameReversal(asked, facts),
    earlier: state.plan.steps,
  });
  // What the run started from stays what an abort goes back to.
  return { ...plan, start: asked.start, findings: asked.findings };
}

/** What each part shall run was decided with the first plan. */
function withTargets(facts: PlatformFacts, { to, parts: targets }: Plan): PlatformFacts {
  if (!facts.parts || !targets) return facts;
  const parts = facts.parts.map((part) => {
    const target = targets[part.name];
    return target === undefined ? part : { ...part, ids: { ...part.ids, [to.id]: target } };
  });
  return { ...facts, parts };
}

async function outcomeOf(context: CommandContext, result: DriveResult): Promise<CommandOutcome> {
  const { state } = result;
  const { runId } = state;
  if (result.kind === 'stopped') {
    const record = await keepRecord(context, runId);
    const error = new RollbackError({
      code: 'INTERRUPTED',
      summary: `Run ${runId} stopped before its end`,
      detail: result.why,
      production: result.production,
      fix: `Go on: rollback-deploy-auto resume ${runId}\nGo back to ${state.asked.from.version}: rollback-deploy-auto abort ${runId}`,
      exit: result.exit,
    });
    return { exit: result.exit, runId, json: record, error, next: `rollback-deploy-auto resume ${runId}` };
  }
  const { end } = result;
  const record = await keepRecord(context, runId);
  const { monitorS } = state.asked.request;
  if (end.on === 'target' && monitorS > 0) await startMonitoring(context, runId, monitorS);
  return {
    exit: end.exit,
    runId,
    json: record,
    next: `rollback-deploy-auto show ${runId}`,
    ...endError(state, end),
  };
}

/** The error of a run that did not end on its target; none where it did. */
function endError(state: RunState, end: NonNullable<RunState['end']>): Pick<CommandOutcome, 'error'> {
  if (end.on === 'target') return {};
  const failure = firstFailure(state);
  const { asked } = state;
  const where = end.on === 'start' ? 'back where it started' : 'unchanged';
  const error = new RollbackError({
    code: failure?.code ?? 'ROLLBACK_NOT_DONE',
    summary: failure?.summary ?? `Rollback to ${asked.to.version} was not done`,
    detail: failure?.detail ?? end.why,
    production: `Production is ${where}: ${end.production}`,
    fix: failure?.fix ?? `See what was done: rollback-deploy-auto show ${state.runId}`,
    exit: end.exit,
  });
  return { error };
}

function firstFailure(state: RunState) {
  return state.failures[0]?.error;
}

/** Writes the record as the journal has it now, keeping what a monitor added. */
async function keepRecord(context: CommandContext, runId: string) {
  const { store } = context.adapters;
  const record = recordOf(await store.read(runId), undefined);
  await saveRecord(store, context.statePath, record, context.renderRecord);
  return record;
}

/** Tells who serves, twice a second, until the run is over. */
async function watchTraffic(context: CommandContext, over: AbortSignal): Promise<void> {
  const { clock, adapters, emit } = context;
  while (!over.aborted) {
    try {
      await clock.sleep(500, over);
      emit({ type: 'traffic', traffic: trafficShare(await adapters.platform.facts(over)) });
    } catch (error) {
      if (over.aborted) return;
      emit({ type: 'notice', message: `Traffic can't be read: ${(error as Error).message}` });
    }
  }
}

/** How often it is looked whether somebody asks to abort, ms; a long run is looked at less often, each look is a request. */
const ABORT_LOOK_MS = { soon: 1_000, later: 4_000, laterAfter: 15_000 };

/** `abort` in another process asks by a document; the run then goes back at its next safe point. */
async function watchAbort(
  context: CommandContext,
  runId: string,
  requested: AbortController,
  over: AbortSignal,
): Promise<void> {
  const { clock, adapters, emit } = context;
  const { soon, later, laterAfter } = ABORT_LOOK_MS;
  const begun = clock.monotonic();
  while (!over.aborted && !requested.signal.aborted) {
    try {
      await clock.sleep(clock.monotonic() - begun < laterAfter ? soon : later, over);
      const asked = await adapters.store.get<{ by: string }>('abort-requests', runId);
      if (asked) {
        emit({
          type: 'notice',
          message: `Abort asked for by ${asked.value.by}: going back at the next safe point.`,
        });
        requested.abort('abort');
      }
    } catch (error) {
      if (over.aborted) return;
      emit({ type: 'notice', message: `Requests to abort can't be read: ${(error as Error).message}` });
    }
  }
}

function lastLook(): AbortSignal {
  return AbortSignal.timeout(2_000);
}
