import type { Lease, StateStore } from '../adapters/store/store.ts';
import type { Clock } from '../model/clock.ts';
import type { ExitCode } from '../model/error.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import type { PlatformFacts } from '../model/facts.ts';
import type { RunEnd } from '../model/journal.ts';
import type { Plan } from '../model/plan.ts';
import { describeReversal } from '../model/reversal-state.ts';
import type { RunState } from '../model/run-state.ts';
import type { Decision } from './decide.ts';
import { decide } from './decide.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Journal } from './journal.ts';
import { createJournal } from './journal.ts';
import type { PlanOutcome } from './outcome.ts';
import { describeProduction } from './production.ts';
import { runPlan } from './run.ts';
import type { StepRegistry } from './step.ts';

export interface DriveInput {
  state: RunState;
  /** Why the lease was taken; the first thing the journal is told, so that an older holder can append no more. */
  purpose: 'run' | 'resume' | 'abort';
  store: StateStore;
  lease: Lease;
  steps: StepRegistry;
  clock: Clock;
  emit: EventSink;
  timeoutS: number;
  requested: AbortSignal;
  immediate: AbortSignal;
  /** Reads what runs now; throws where it can't. */
  readFacts(): Promise<PlatformFacts>;
  /** The asked-for plan again, from what runs now. */
  rebuild(): Promise<Plan>;
  /** The plan back to the start, from what runs now. */
  planReturn(facts: PlatformFacts): Plan;
}

export type DriveResult =
  | { kind: 'ended'; end: RunEnd; state: RunState }
  /** No end yet: `resume` or `abort` go on. */
  | { kind: 'stopped'; why: string; production: string; exit: ExitCode; state: RunState };

/**
 * Takes a run to one of its good ends, or stops it while it still serves. Every plan that it makes on the way is
 * written to the journal first and run by the same engine.
 */
export async function drive(input: DriveInput): Promise<DriveResult> {
  const { store, lease, clock, emit, state } = input;
  // The client before may have died right after its last entry.
  if (state.end) return { kind: 'ended', end: state.end, state };
  const heartbeat = startHeartbeat({ store, lease, clock });
  const journal = createJournal({ store, lease, state, clock, emit });
  const never = new AbortController().signal;
  let rebuilds = 0;
  try {
    const { epoch, holder } = lease;
    await journal.append({ type: 'leased', epoch, holder, purpose: input.purpose });
    for (;;) {
      const outcome = await runPlan({
        journal,
        steps: input.steps,
        clock,
        emit,
        epoch: lease.epoch,
        timeoutS: input.timeoutS,
        // A person who asked once to go back wants the way back finished; only leaving at once stops it.
        requested: state.plan.direction === 'return' ? never : input.requested,
        immediate: input.immediate,
        leaseLost: heartbeat.lost,
      });
      const facts = await readFacts(input, outcome);
      const decision = decide({ state, outcome, facts, rebuilds, resumed: input.purpose !== 'run' });
      const result = await carryOut(decision, { input, journal, outcome, facts });
      if (result) return result;
      if (decision.kind === 'rebuild') rebuilds++;
    }
  } finally {
    heartbeat.stop();
  }
}

interface Situation {
  input: DriveInput;
  journal: Journal;
  outcome: PlanOutcome;
  facts: PlatformFacts | undefined;
}

/** Writes the decision down; undefined where the run goes on. */
async function carryOut(decision: Decision, situation: Situation): Promise<DriveResult | undefined> {
  const { input, journal, outcome, facts } = situation;
  const { state } = journal;
  const serving = facts ? describeProduction(facts) : 'What runs now could not be read.';
  const production = [serving, ...describeReversal(state)].join(' ');
  const stop = async (why: string): Promise<DriveResult> => {
    const exit = EXIT.interrupted;
    // Whoever holds the lease now writes the journal; and a journal that fails can't be told that it did.
    if (outcome.kind !== 'lease-lost' && outcome.kind !== 'journal-failed') {
      await journal.append({ type: 'stopped', why, production, exit }).catch((error) => {
        input.emit({ type: 'notice', message: `The stop could not be journalled: ${error.message}` });
      });
    }
    return { kind: 'stopped', why, production, exit, state };
  };
  try {
    switch (decision.kind) {
      case 'stop':
        return await stop(decision.why);
      case 'return': {
        if (!facts) return await stop(decision.why);
        await journal.append({ type: 'planned', plan: input.planReturn(facts), why: decision.why });
        return undefined;
      }
      case 'rebuild':
        await journal.append({
          type: 'planned',
          plan: await rebuilt(input, state, facts),
          why: decision.why,
        });
        return undefined;
      case 'end': {
        const end: RunEnd = { on: decision.on, exit: exitOf(decision, state), why: decision.why, production };
        await journal.append({ type: 'ended', end });
        return { kind: 'ended', end, state };
      }
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'stopped', why: `${decision.why} ${reason}`, production, exit: EXIT.interrupted, state };
  }
}

async function rebuilt(input: DriveInput, state: RunState, facts: PlatformFacts | undefined): Promise<Plan> {
  return state.plan.direction === 'return' && facts ? input.planReturn(facts) : input.rebuild();
}

function exitOf(decision: Extract<Decision, { kind: 'end' }>, state: RunState): ExitCode {
  if (decision.on === 'target') return decision.confirmed ? EXIT.done : EXIT.unconfirmed;
  if (decision.on === 'unchanged' && failedProof(state)) return EXIT.refused;
  return EXIT.failed;
}

/** A proof that failed refuses the rollback, like a check does. */
function failedProof(state: RunState): boolean {
  return state.plan.steps.some(
    (step) => step.phase === 'prove' && state.steps.get(step.id)?.state === 'failed',
  );
}

async function readFacts(input: DriveInput, outcome: PlanOutcome): Promise<PlatformFacts | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await input.readFacts();
    } catch (error) {
      const again = error instanceof RollbackError && error.retriable && attempt < 10;
      if (!again || outcome.kind === 'left' || outcome.kind === 'lease-lost') {
        input.emit({
          type: 'notice',
          message: `What runs now could not be read: ${(error as Error).message}`,
        });
        return undefined;
      }
      await input.clock.sleep(500);
    }
  }
}
