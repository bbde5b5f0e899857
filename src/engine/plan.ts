import type { Facts, PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan, PlannedStep, PlanRequest, StartState, Strategy } from '../model/plan.ts';
import type { Release, ReleaseReference } from '../model/release.ts';
import { goingBack } from '../strategies/going-back.ts';
import { strategies } from '../strategies/index.ts';
import type { Situation, StrategyPlan } from '../strategies/strategy.ts';
import type { MoveExpansion } from './link-moves.ts';
import { estimate, expandMoves } from './link-moves.ts';
import { planHash } from './plan-hash.ts';
import { preconditions } from './preconditions.ts';

export interface PlanInput {
  runId: string;
  createdAt: string;
  facts: Facts;
  from: ReleaseReference;
  to: Release;
  strategy: Strategy;
  request: PlanRequest;
  findings: Finding[];
  failing: StartState['failing'];
  keepWarmMs: number;
  /** Steps before and after the moves, e.g. the backup and the validation; without `after`. */
  prove: PlannedStep[];
  confirm: PlannedStep[];
  /** How many steps may run at once. */
  concurrency: number;
}

/** Builds the plan that takes production to the target. Pure: it receives facts, not adapters, so a dry run can change nothing. */
export function buildPlan(input: PlanInput, platform: MoveExpansion): Plan {
  const { facts, from, to } = input;
  const instances = facts.platform.desired;
  const target: ReleaseReference = { id: to.id, version: to.version, digest: to.image.digest };
  const situation: Situation = {
    facts: facts.platform,
    from,
    to: target,
    instances,
    keepWarmMs: input.keepWarmMs,
  };
  const moved = strategies[input.strategy](situation);
  return assemble(input, platform, {
    direction: 'back',
    from,
    to: target,
    start: startState(facts.platform, input.failing),
    strategyPlan: moved,
    confirm: input.confirm,
    prove: input.prove,
  });
}

/** The same for going back to where `plan` started, from what runs now. */
export function buildReturnPlan(
  plan: Plan,
  facts: PlatformFacts,
  createdAt: string,
  platform: MoveExpansion,
): Plan {
  const situation: Situation = {
    facts,
    from: plan.to,
    to: plan.from,
    instances: plan.instances,
    keepWarmMs: 0,
  };
  const input = { ...plan, createdAt, facts: { platform: facts } };
  return assemble(input, platform, {
    direction: 'return',
    from: plan.to,
    to: plan.from,
    start: plan.start,
    strategyPlan: goingBack(situation, plan.start),
    confirm: [],
    prove: [],
  });
}

interface Parts {
  direction: Plan['direction'];
  from: ReleaseReference;
  to: ReleaseReference;
  start: StartState;
  strategyPlan: StrategyPlan;
  prove: PlannedStep[];
  confirm: PlannedStep[];
}

type Common = Pick<Plan, 'runId' | 'createdAt' | 'strategy' | 'request' | 'findings' | 'concurrency'> & {
  facts: { platform: PlatformFacts };
};

function assemble(common: Common, platform: MoveExpansion, parts: Parts): Plan {
  const facts = common.facts.platform;
  const proveIds = parts.prove.map((step) => step.id);
  const { steps: moveSteps, ids } = expandMoves(parts.strategyPlan.moves, facts, platform, proveIds);
  const moveIds = moveSteps.map((step) => step.id);
  // Validation starts once nothing moves any more, one check after the other, in the order of the report.
  let before = moveIds.length > 0 ? moveIds : proveIds;
  const confirm = parts.confirm.map((step) => {
    const linked = { ...step, after: before };
    before = [step.id];
    return linked;
  });
  const steps = [...parts.prove, ...moveSteps, ...confirm];
  const plan: Plan = {
    format: 1,
    runId: common.runId,
    service: facts.service,
    target: facts.target,
    platform: facts.platform,
    noun: facts.noun,
    direction: parts.direction,
    from: parts.from,
    to: parts.to,
    strategy: common.strategy,
    instances: facts.desired,
    start: parts.start,
    steps,
    lines: parts.strategyPlan.lines.map((line) => ({
      label: line.label,
      doneWord: line.doneWord,
      steps: line.moves.flatMap((move) => ids.get(move)?.all ?? []),
    })),
    findings: common.findings,
    preconditions: preconditions(facts),
    estimateMs: estimate(steps),
    concurrency: common.concurrency,
    request: common.request,
    createdAt: common.createdAt,
    hash: '',
  };
  plan.hash = planHash(plan);
  return plan;
}

function startState(facts: PlatformFacts, failing: StartState['failing']): StartState {
  return {
    current: facts.current ?? '',
    canary: facts.canary,
    serving: facts.instances
      .filter((instance) => serves(instance) || instance.inRotation)
      .map(({ slot, release }) => ({ slot, release })),
    failing,
  };
}
