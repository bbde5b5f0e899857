import type { Lease } from '../adapters/store/store.ts';
import { brokenPreconditions } from '../engine/preconditions.ts';
import { describeProduction } from '../engine/production.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Plan } from '../model/plan.ts';
import type { RunState } from '../model/run-state.ts';
import { runState } from '../model/run-state.ts';
import { carryOut } from './carry-out.ts';
import type { CommandContext, CommandOutcome, RollbackOptions } from './context.ts';
import { refusal } from './plan.ts';
import { prepare } from './prepare.ts';
import { newRunId } from './run-id.ts';
import { refuseWhileUnfinished } from './unfinished.ts';
import { writeRevert } from './write-revert.ts';

/**
 * The main job: checks, plan, consent, and the plan carried out.
 * @throws RollbackError where nothing was begun: usage, an unknown version, a run in progress, a refusal by a check.
 */
export async function rollback(context: CommandContext, options: RollbackOptions): Promise<CommandOutcome> {
  const begun = await begin(context, options).catch((error) => {
    if (!(error instanceof RollbackError) || error.production) throw error;
    throw error.with({ production: 'Production is unchanged.' });
  });
  return 'lease' in begun ? carryOut(context, begun.lease, begun.state, 'run') : begun;
}

/** Up to the first entry of the journal, from which on a run may move something. */
async function begin(
  context: CommandContext,
  options: RollbackOptions,
): Promise<CommandOutcome | { lease: Lease; state: RunState }> {
  const { adapters, clock, emit, serviceName, stop } = context;
  const { store } = adapters;
  await refuseWhileUnfinished(store, serviceName);
  const { plan, facts, revert } = await prepare(context, options, newRunId(clock));
  const refused = refusal(plan, facts);
  if (refused) {
    await writeRevert(context, plan.runId, revert);
    await store.put('plans', plan.runId, plan, 0);
    return { exit: EXIT.refused, json: plan, error: refused };
  }
  const consent = await context.consent({ plan, mayLose: [] });
  if (!consent.given)
    return { exit: EXIT.usage, json: plan, error: notAgreed(plan, describeProduction(facts.platform)) };
  const asked: Plan = {
    ...plan,
    request: { ...plan.request, reason: plan.request.reason ?? consent.reason },
  };
  const lease = await store.acquireLease(serviceName, context.holder, stop.immediate);
  try {
    await refuseWhileUnfinished(store, serviceName);
    await refuseStale(context, asked);
    const first: JournalEntry = { type: 'planned', at: now(context), plan: asked, why: 'Asked for.' };
    await store.create(lease, asked.runId, first);
    emit({ type: 'entry', entry: first });
    return { lease, state: runState(await store.read(asked.runId)) };
  } catch (error) {
    await store.release(lease);
    throw error;
  }
}

/** Time may have passed at the question: what the plan rests on must still hold. */
async function refuseStale(context: CommandContext, plan: Plan): Promise<void> {
  const facts = await context.adapters.platform.facts(context.stop.immediate);
  const broken = brokenPreconditions(plan, facts);
  if (broken.length === 0) return;
  throw new RollbackError({
    code: 'PLAN_STALE',
    summary: 'Production changed since the plan was made',
    detail: broken.join('\n'),
    production: `This command changed nothing: ${describeProduction(facts)}`,
    fix: 'Run the command again for a new plan.',
    exit: EXIT.refused,
  });
}

function notAgreed(plan: Plan, production: string): RollbackError {
  return new RollbackError({
    code: 'NOT_AGREED',
    summary: `Rollback to ${plan.to.version} was not agreed to`,
    production: `Production is unchanged: ${production}`,
    exit: EXIT.usage,
  });
}

function now({ clock }: CommandContext): string {
  return new Date(clock.now()).toISOString();
}
