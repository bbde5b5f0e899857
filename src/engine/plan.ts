import { createHash } from 'node:crypto';
import type { Facts, PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Move } from '../model/move.ts';
import type { Plan, PlannedStep, PlanRequest, Precondition, StartState, Strategy } from '../model/plan.ts';
import type { Release, ReleaseReference } from '../model/release.ts';
import { goingBack } from '../strategies/going-back.ts';
import { strategies } from '../strategies/index.ts';
import type { Situation, StrategyPlan } from '../strategies/strategy.ts';

/** Says how moves are done; each platform has one. */
export interface MoveExpansion {
  expand(move: Move, facts: PlatformFacts): PlannedStep[];
}

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

/** The hash that `plan` must have; `resume` refuses where it differs. */
export function planHash(plan: Plan): string {
  const { current, canary, serving } = plan.start;
  const covered = {
    format: plan.format,
    target: plan.target,
    direction: plan.direction,
    from: plan.from,
    to: plan.to,
    strategy: plan.strategy,
    instances: plan.instances,
    start: { current, canary: canary ?? null, serving },
    // What the validation is compared with are metrics; that it takes place is covered.
    steps: plan.steps.map(({ estimateMs: _, ...step }) =>
      step.phase === 'confirm' ? { ...step, input: null } : step,
    ),
    preconditions: plan.preconditions,
    accepted: [...plan.request.accepted].sort(),
  };
  return createHash('sha256').update(stableJson(covered)).digest('hex');
}

/** Preconditions that no longer hold, a sentence each. */
export function brokenPreconditions(plan: Plan, facts: PlatformFacts): string[] {
  const now = preconditionFacts(facts);
  return plan.preconditions
    .filter(({ fact, equals }) => (now[fact] ?? null) !== equals)
    .map(({ says, fact }) => `No longer true: ${says} (now ${now[fact] ?? 'none'}).`);
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

/** The longest way through the graph from the first move on; a bounded concurrency can only make it longer. */
function estimate(steps: PlannedStep[]): number {
  const ends = new Map<string, number>();
  for (const step of steps) {
    const begins = Math.max(0, ...step.after.map((id) => ends.get(id) ?? 0));
    const own = step.phase === 'prove' ? 0 : (step.estimateMs ?? 500);
    ends.set(step.id, begins + own);
  }
  return Math.max(0, ...ends.values());
}

interface ExpandedMove {
  all: string[];
  last: string[];
}

function expandMoves(
  moves: Move[],
  facts: PlatformFacts,
  platform: MoveExpansion,
  first: string[],
): { steps: PlannedStep[]; ids: Map<string, ExpandedMove> } {
  const steps: PlannedStep[] = [];
  const ids = new Map<string, ExpandedMove>();
  for (const move of moves) {
    const expanded = platform.expand(move, facts);
    const before = move.after.length > 0 ? move.after.flatMap((id) => ids.get(id)?.last ?? []) : first;
    const linked = expanded.map((step) => (step.after.length > 0 ? step : { ...step, after: before }));
    const followed = new Set(expanded.flatMap((step) => step.after));
    steps.push(...linked);
    ids.set(move.id, {
      all: expanded.map((step) => step.id),
      last: expanded.map((step) => step.id).filter((id) => !followed.has(id)),
    });
  }
  return { steps, ids };
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

function preconditions(facts: PlatformFacts): Precondition[] {
  const now = preconditionFacts(facts);
  const version = facts.releases.find((release) => release.id === facts.current)?.version;
  return [
    {
      says: `${facts.service} is set to run ${version} (${facts.current})`,
      fact: 'current',
      equals: now.current ?? null,
    },
    {
      says: facts.canary ? `release ${facts.canary} is its canary` : 'no canary is in progress',
      fact: 'canary',
      equals: now.canary ?? null,
    },
    {
      says: `${facts.desired} ${facts.noun.many} shall serve`,
      fact: 'desired',
      equals: now.desired ?? null,
    },
  ];
}

function preconditionFacts(facts: PlatformFacts): Record<string, string | number | null> {
  return { current: facts.current ?? null, canary: facts.canary ?? null, desired: facts.desired };
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
