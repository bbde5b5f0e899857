import type { ErrorRecord } from './error.ts';
import type { Finding } from './finding.ts';
import type { JournalEntry, RunEnd } from './journal.ts';
import type { Plan, PlannedStep } from './plan.ts';

export type StepStatus =
  | { state: 'waiting' }
  /** Began and has neither finished nor failed: ambiguous after a crash. */
  | { state: 'started'; before: unknown; at: string }
  | { state: 'done'; output: unknown; at: string }
  | { state: 'failed'; error: ErrorRecord; at: string };

/** A run as its journal tells it. */
export interface RunState {
  runId: string;
  /** The first plan: what was asked for. */
  asked: Plan;
  /** The plan in force: the last one. */
  plan: Plan;
  /** Every plan with why it was made and how far its steps came, in order. */
  plans: { plan: Plan; why: string; at: string; steps: Map<string, StepStatus> }[];
  /** Status of each step of the plan in force. */
  steps: Map<string, StepStatus>;
  /** Findings of steps that are done, of every plan, in order: backup, health, error rate, latency. */
  proofs: { step: PlannedStep; findings: Finding[] }[];
  /** Steps that failed for good, of every plan, in order. */
  failures: { step: string; error: ErrorRecord; at: string }[];
  startedAt: string;
  /** When the first step of phase `move` began; undefined where nothing was moved. */
  movedAt: string | undefined;
  lastAt: string;
  /** Why it stopped without an end; undefined while it goes on or has ended. */
  stopped: Extract<JournalEntry, { type: 'stopped' }> | undefined;
  end: RunEnd | undefined;
  endedAt: string | undefined;
}

/** Steps may return findings, to be printed as checks (phase `prove`) or validation (phase `confirm`). */
export interface FindingsOutput {
  findings: Finding[];
}

/** Folds a journal. @throws Error where the first entry is no plan: the journal is damaged. */
export function runState(entries: readonly JournalEntry[]): RunState {
  const first = entries[0];
  if (first?.type !== 'planned') throw new Error('A journal starts with a plan.');
  const state: RunState = {
    runId: first.plan.runId,
    asked: first.plan,
    plan: first.plan,
    plans: [],
    steps: new Map(),
    proofs: [],
    failures: [],
    startedAt: first.at,
    movedAt: undefined,
    lastAt: first.at,
    stopped: undefined,
    end: undefined,
    endedAt: undefined,
  };
  for (const entry of entries) applyEntry(state, entry);
  return state;
}

/** Carries one more entry into the state, in place. */
export function applyEntry(state: RunState, entry: JournalEntry): void {
  state.lastAt = entry.at;
  switch (entry.type) {
    case 'planned':
      state.plan = entry.plan;
      state.steps = new Map(entry.plan.steps.map((step) => [step.id, { state: 'waiting' }]));
      state.plans.push({ plan: entry.plan, why: entry.why, at: entry.at, steps: state.steps });
      break;
    case 'leased':
      state.stopped = undefined;
      break;
    case 'started':
      state.steps.set(entry.step, { state: 'started', before: entry.before, at: entry.at });
      if (stepOf(state.plan, entry.step)?.phase === 'move') state.movedAt ??= entry.at;
      break;
    case 'done': {
      state.steps.set(entry.step, { state: 'done', output: entry.output, at: entry.at });
      const step = stepOf(state.plan, entry.step);
      const findings = (entry.output as Partial<FindingsOutput> | null)?.findings;
      if (step && findings) state.proofs.push({ step, findings });
      break;
    }
    case 'failed':
      state.steps.set(entry.step, { state: 'failed', error: entry.error, at: entry.at });
      state.failures.push({ step: entry.step, error: entry.error, at: entry.at });
      break;
    case 'stopped':
      state.stopped = entry;
      break;
    case 'ended':
      state.end = entry.end;
      state.endedAt = entry.at;
      break;
  }
}

export function stepOf(plan: Plan, id: string): PlannedStep | undefined {
  return plan.steps.find((step) => step.id === id);
}
