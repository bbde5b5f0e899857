import type { Lease } from '../adapters/store/store.ts';
import type { ServiceConfiguration } from '../config/schema.ts';
import { RollbackError } from '../model/error.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Plan, Strategy } from '../model/plan.ts';
import { referenceTo } from '../model/release.ts';
import { type RunState, runState } from '../model/run-state.ts';
import { carryOut } from './carry-out.ts';
import { fittingStrategy } from './choose-strategy.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { gatherFacts } from './gather-facts.ts';
import { noReversal } from './plan-reversal.ts';
import { type ChosenOptions, planFrom } from './prepare.ts';
import { newRunId } from './run-id.ts';
import { refuseWhileUnfinished } from './unfinished.ts';

/** Longest time of a run that only finishes what is set already, s. */
const TIMEOUT_S = 600;

/**
 * Finishes, as a run of its own, what a lost one left: to the release that the platform is set to already, which it would
 * make of it anyway, so that pods come and go without a request lost, and everything is put back. Nothing is chosen, so
 * nothing is checked but that no other client is at it.
 * @param parts.strategy by which the lost run moved traffic
 * @throws RollbackError `LEASE_HELD`, `RUN_UNFINISHED`, `NOTHING_SET`
 */
export async function mend(
  context: CommandContext,
  { strategy, why }: { strategy: Strategy; why: string },
): Promise<CommandOutcome> {
  const { adapters, serviceName, stop } = context;
  const { store } = adapters;
  await refuseWhileUnfinished(store, serviceName);
  const lease = await store.acquireLease(serviceName, context.holder, stop.immediate);
  const state = await begin(context, lease, { strategy, why }).catch(async (error: unknown) => {
    await store.release(lease);
    throw error;
  });
  return carryOut(context, lease, state, 'run');
}

/** Up to the first entry of the journal, from which on a run may move something. */
async function begin(
  context: CommandContext,
  lease: Lease,
  { strategy, why }: { strategy: Strategy; why: string },
): Promise<RunState> {
  const { adapters, clock, serviceName, configuration } = context;
  const { store } = adapters;
  await refuseWhileUnfinished(store, serviceName);
  const plan = await planOf(context, configuration, strategy, why);
  const first: JournalEntry = { type: 'planned', at: new Date(clock.now()).toISOString(), plan, why };
  await store.create(lease, plan.runId, first);
  return runState(await store.read(plan.runId));
}

async function planOf(
  context: CommandContext,
  { retention }: ServiceConfiguration,
  strategy: Strategy,
  why: string,
): Promise<Plan> {
  const { adapters, clock, stop } = context;
  const facts = await gatherFacts(adapters, clock, retention.keep, stop.immediate);
  const set = facts.platform.releases.find(({ id }) => id === facts.platform.current);
  if (!set) throw nothingSet(facts.platform.target);
  const options: ChosenOptions = {
    version: set.id,
    strategy: fittingStrategy(facts.platform, strategy),
    backup: false,
    timeoutS: TIMEOUT_S,
    reason: why,
    accept: [],
    monitorS: 0,
    restoreSecrets: [],
  };
  const target = { to: set, from: referenceTo(set), skipped: [] };
  const plan = await planFrom(context, options, facts, target, newRunId(clock), {
    reversal: noReversal(facts),
  });
  return { ...plan, findings: [] };
}

function nothingSet(target: string): RollbackError {
  return new RollbackError({
    code: 'NOTHING_SET',
    summary: `Which release ${target} is set to is not known yet`,
    detail: 'Its controller has not taken up the template.',
    fix: 'Try again in a moment: rollback-deploy-auto doctor --fix',
    retriable: true,
  });
}
