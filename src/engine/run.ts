import { RollbackError } from '../model/error.ts';
import type { PlannedStep } from '../model/plan.ts';
import type { StepRun } from './execute-step.ts';
import { executeStep } from './execute-step.ts';
import type { Journal } from './journal.ts';
import type { PlanOutcome } from './outcome.ts';

export interface RunPlanInput extends StepRun {
  /** Seconds from the first step of phase `move` to the end of validation. */
  timeoutS: number;
  /** Aborted with the reason `'interrupt'` or `'abort'`: stop at the next safe point. */
  requested: AbortSignal;
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
        if (verdict && !(mayFinish(verdict) && (mustFollow(step, journal) || mustSettle(step, journal))))
          continue;
        if (step.phase !== 'prove') startTimer();
        const signals = [
          input.immediate,
          input.leaseLost,
          ...(step.phase === 'prove' ? [] : [timeUp.signal]),
        ];
        const settling = verdict !== undefined && mustSettle(step, journal);
        const work = executeStep(step, input, signals, settling).then((outcome) => {
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

/** One that was cut off, and must not be left between. */
function mustSettle({ id, settles }: PlannedStep, journal: Journal): boolean {
  return settles === true && journal.state.steps.get(id)?.state === 'started';
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
