import type { Clock } from '../model/clock.ts';
import { errorRecord, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { PlannedStep } from '../model/plan.ts';
import { withDeadline } from './deadline.ts';
import type { Journal } from './journal.ts';
import type { PlanOutcome } from './outcome.ts';
import type { Observation, Step, StepContext, StepRegistry } from './step.ts';

/** What a step needs of the run. */
export interface StepRun {
  journal: Journal;
  steps: StepRegistry;
  clock: Clock;
  emit: EventSink;
  epoch: number;
  immediate: AbortSignal;
  leaseLost: AbortSignal;
}

/**
 * Runs one step to its end: observes, applies, journals, and again while its errors are retriable and its time lasts.
 * @param signals end it early, each with its reason
 * @param settling as `StepContext.settling`
 * @returns undefined where it is done
 */
export async function executeStep(
  step: PlannedStep,
  input: StepRun,
  signals: AbortSignal[],
  settling = false,
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
      (signal) => attempt(step, kind, contextFor(step, input, signal, settling), journal),
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
      if (seen.state === 'conflict')
        return { kind: 'conflict', step, why: seen.why, otherwise: seen.otherwise };
      if (seen.state === 'unknown') return { kind: 'unknown', step, why: seen.why };
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

function contextFor(step: PlannedStep, input: StepRun, signal: AbortSignal, settling: boolean): StepContext {
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
    ...(settling ? { settling } : {}),
    progress: (message, data) =>
      input.emit({ type: 'progress', step: step.id, message, inFlight: data?.inFlight }),
  };
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
