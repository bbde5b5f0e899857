import type { Clock } from '../model/clock.ts';
import { errorRecord, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { PlannedStep } from '../model/plan.ts';
import { withDeadline } from './deadline.ts';
import type { Journal } from './journal.ts';
import type { Observation, Step, StepContext, StepRegistry } from './step.ts';

/** How one plan came out. Only `done` means that every step is. */
export type PlanOutcome =
  | { kind: 'done' }
  /** A step failed for good. */
  | { kind: 'failed'; step: PlannedStep; error: unknown }
  | { kind: 'timeout' }
  /** Somebody asked to stop, and the run stands on safe points. */
  | { kind: 'stop-requested'; by: 'interrupt' | 'abort' }
  | { kind: 'conflict'; step: PlannedStep; why: string }
  | { kind: 'unknown'; step: PlannedStep; why: string }
  /** Left at once; steps may be half done. */
  | { kind: 'left' }
  | { kind: 'lease-lost'; error: unknown }
  /** The journal takes no more entries; nothing was moved after that. */
  | { kind: 'journal-failed'; error: unknown };

export interface RunPlanInput {
  journal: Journal;
  steps: StepRegistry;
  clock: Clock;
  emit: EventSink;
  epoch: number;
  /** Seconds from the first step of phase `move` to the end of validation. */
  timeoutS: number;
  /** Aborted with the reason `'interrupt'` or `'abort'`: stop at the next safe point. */
  requested: AbortSignal;
  immediate: AbortSignal;
  leaseLost: AbortSignal;
}

/**
 * Carries out the journal's plan in force: runs every step whose predecessors are done, as many at once as the plan
 * allows. Goes on from whatever the journal says is done; what was started and not finished is observed first. Throws
 * nothing.
 */
export async function runPlan(input: RunPlanInput): Promise<PlanOutcome> {
  const { journal, clock } = input;
  const { plan } = journal.state;
  const running = new Map<string, Promise<void>>();
  const settled = new Set<string>();
  const timeUp = new AbortController();
  const over = new AbortController();
  let verdict: PlanOutcome | undefined;
  const decide = (outcome: PlanOutcome) => {
    if (verdict === undefined || rank(outcome) > rank(verdict)) verdict = outcome;
  };
  let timerStarted = false;
  const startTimer = () => {
    if (timerStarted) return;
    timerStarted = true;
    clock.sleep(input.timeoutS * 1000, over.signal).then(
      () => {
        decide({ kind: 'timeout' });
        timeUp.abort(timeoutError(input.timeoutS));
      },
      () => {},
    );
  };
  const woken = wakeUp([input.requested, input.immediate, input.leaseLost, timeUp.signal], over.signal);

  try {
    for (;;) {
      if (input.leaseLost.aborted) decide({ kind: 'lease-lost', error: input.leaseLost.reason });
      if (input.immediate.aborted) decide({ kind: 'left' });
      if (input.requested.aborted) {
        decide({ kind: 'stop-requested', by: input.requested.reason === 'abort' ? 'abort' : 'interrupt' });
      }
      for (const step of plan.steps) {
        if (running.size >= plan.concurrency) break;
        if (running.has(step.id) || settled.has(step.id) || !ready(step, journal)) continue;
        if (verdict && !(mayFinish(verdict) && mustFollow(step, journal))) continue;
        if (step.phase !== 'prove') startTimer();
        const signals = [
          input.immediate,
          input.leaseLost,
          ...(step.phase === 'prove' ? [] : [timeUp.signal]),
        ];
        const work = executeStep(step, input, signals).then((outcome) => {
          running.delete(step.id);
          settled.add(step.id);
          if (outcome) decide(outcome);
        });
        running.set(step.id, work);
      }
      if (running.size === 0)
        return complete(journal) && interrupted(verdict) ? { kind: 'done' } : (verdict ?? { kind: 'done' });
      await Promise.race([...running.values(), woken()]);
    }
  } finally {
    over.abort();
  }
}

/** Runs one step to its end; undefined where it is done. */
async function executeStep(
  step: PlannedStep,
  input: RunPlanInput,
  signals: AbortSignal[],
): Promise<PlanOutcome | undefined> {
  const { journal, clock } = input;
  const kind = input.steps[step.kind] as Step<unknown> | undefined;
  if (!kind) return { kind: 'unknown', step, why: `This version has no step of kind "${step.kind}".` };
  try {
    return await withDeadline(
      clock,
      step.timeoutMs,
      signals,
      () => stepTimeout(step),
      (signal) => attempt(step, kind, contextFor(step, input, signal), journal),
    );
  } catch (error) {
    if (input.immediate.aborted) return { kind: 'left' };
    if (input.leaseLost.aborted) return { kind: 'lease-lost', error };
    if (error instanceof JournalError) return journalOutcome(error.cause);
    try {
      await journal.append({ type: 'failed', step: step.id, error: errorRecord(error) });
    } catch (journalError) {
      return journalOutcome(journalError);
    }
    return { kind: 'failed', step, error };
  }
}

/** Observes and applies until it is done, or an error is final. */
async function attempt(
  step: PlannedStep,
  kind: Step<unknown>,
  context: StepContext,
  journal: Journal,
): Promise<PlanOutcome | undefined> {
  const append = async (entry: Parameters<Journal['append']>[0]) => {
    // After the signal nothing may be written under this step's name: its end was already decided.
    context.signal.throwIfAborted();
    await journal.append(entry).catch((cause) => {
      throw new JournalError(cause);
    });
  };
  let started = journal.state.steps.get(step.id)?.state === 'started';
  for (let attempts = 0; ; attempts++) {
    context.signal.throwIfAborted();
    try {
      const seen: Observation = await kind.observe(step.input, context);
      if (seen.state === 'conflict' || seen.state === 'unknown')
        return { kind: seen.state, step, why: seen.why };
      if (seen.state === 'done') {
        await append({ type: 'done', step: step.id, output: seen.output ?? null, observed: true });
        return undefined;
      }
      if (!started) {
        await append({ type: 'started', step: step.id, before: seen.before ?? null });
        started = true;
      }
      const output = await kind.apply(step.input, context);
      await append({ type: 'done', step: step.id, output: output ?? null, observed: false });
      return undefined;
    } catch (error) {
      if (!(error instanceof RollbackError) || !error.retriable || context.signal.aborted) throw error;
      const pause = Math.min(100 * 2 ** attempts, 2_000);
      context.progress(`${error.summary}; trying again in ${pause} ms`);
      await context.clock.sleep(pause, context.signal);
    }
  }
}

function contextFor(step: PlannedStep, input: RunPlanInput, signal: AbortSignal): StepContext {
  const { state } = input.journal;
  const outputs = new Map<string, unknown>();
  for (const [id, status] of state.steps) if (status.state === 'done') outputs.set(id, status.output);
  return {
    runId: state.runId,
    epoch: input.epoch,
    outputs,
    clock: input.clock,
    movedAtMs: state.movedAt === undefined ? undefined : Date.parse(state.movedAt),
    signal,
    progress: (message, data) =>
      input.emit({ type: 'progress', step: step.id, message, inFlight: data?.inFlight }),
  };
}

function ready(step: PlannedStep, journal: Journal): boolean {
  const { steps } = journal.state;
  return steps.get(step.id)?.state !== 'done' && step.after.every((id) => steps.get(id)?.state === 'done');
}

/** An interruption that comes when everything is done changes nothing; an abort still goes back. */
function interrupted(verdict: PlanOutcome | undefined): boolean {
  return verdict?.kind === 'stop-requested' && verdict.by === 'interrupt';
}

function complete({ state }: Journal): boolean {
  return state.plan.steps.every((step) => state.steps.get(step.id)?.state === 'done');
}

/** A run asked to stop goes on from every step that is no safe point. */
function mustFollow(step: PlannedStep, journal: Journal): boolean {
  const { plan, steps } = journal.state;
  return step.after.some((id) => {
    const before = plan.steps.find((other) => other.id === id);
    return before !== undefined && !before.safePoint && steps.get(id)?.state === 'done';
  });
}

function mayFinish(verdict: PlanOutcome): boolean {
  return verdict.kind === 'stop-requested' || verdict.kind === 'conflict';
}

/** The graver outcome wins where several come together. */
function rank(outcome: PlanOutcome): number {
  const order = [
    'done',
    'stop-requested',
    'conflict',
    'timeout',
    'failed',
    'unknown',
    'left',
    'lease-lost',
    'journal-failed',
  ];
  return order.indexOf(outcome.kind);
}

function journalOutcome(error: unknown): PlanOutcome {
  const lost = error instanceof RollbackError && error.code === 'LEASE_LOST';
  return lost ? { kind: 'lease-lost', error } : { kind: 'journal-failed', error };
}

class JournalError extends Error {
  constructor(cause: unknown) {
    super('journal', { cause });
  }
}

function stepTimeout(step: PlannedStep): RollbackError {
  return new RollbackError({
    code: 'STEP_TIMEOUT',
    summary: `Step ${step.id} did not finish`,
    detail: `It took longer than its bound of ${step.timeoutMs / 1000} s.`,
  });
}

function timeoutError(timeoutS: number): RollbackError {
  return new RollbackError({
    code: 'TIMEOUT',
    summary: 'The rollback did not finish in time',
    detail: `From the first move to the end of validation it may take ${timeoutS} s.`,
    fix: 'Allow more with --timeout SECONDS.',
  });
}

/** A function that resolves when one of the signals is aborted; each signal wakes once. */
function wakeUp(signals: AbortSignal[], over: AbortSignal): () => Promise<void> {
  let waiting: (() => void)[] = [];
  let pending = false;
  for (const signal of signals) {
    signal.addEventListener(
      'abort',
      () => {
        pending = true;
        for (const resolve of waiting.splice(0)) resolve();
      },
      { once: true, signal: over },
    );
  }
  return () =>
    new Promise((resolve) => {
      if (pending) {
        pending = false;
        resolve();
      } else waiting = [resolve];
    });
}
