import type { Facts, PartFacts, PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan, PlannedStep, PlanRequest, ProgressLine, StartState, Strategy } from '../model/plan.ts';
import type { Release, ReleaseReference } from '../model/release.ts';
import { goingBack } from '../strategies/going-back.ts';
import { strategies } from '../strategies/index.ts';
import { eachPart, type PartPlan } from '../strategies/parts.ts';
import type { Situation } from '../strategies/strategy.ts';
import type { MoveExpansion } from './link-moves.ts';
import { chained, estimate, linkMoves } from './link-moves.ts';
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
  /** Instances that a rolling rollback moves at once. */
  batch: number;
  /** Steps before and after the moves, e.g. the backup and the validation; without `after`. */
  prove: PlannedStep[];
  confirm: PlannedStep[];
  /** What is done first of all that moves, one after the other, with its lines. Default: nothing. */
  first?: { steps: PlannedStep[]; lines: ProgressLine[] };
  /** How many steps may run at once. */
  concurrency: number;
  /** Steps of the plan that this one takes the place of in the middle of a run. */
  earlier: PlannedStep[];
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
    batch: input.batch,
  };
  // A part that never ran the target is not moved; the platform's own check refuses.
  const moved = eachPart(situation, (own, part) =>
    part && part.ids[to.id] === undefined ? undefined : strategies[input.strategy](own),
  );
  return assemble(input, platform, {
    direction: 'back',
    from,
    to: target,
    start: startState(facts.platform, input.failing),
    moved,
    targets: (part) => part.ids[to.id],
    confirm: input.confirm,
    prove: input.prove,
    first: input.first,
    earlier: input.earlier,
  });
}

/**
 * The same for going back to where `plan` started, from what runs now. Parts that went one after the other go back in
 * the opposite order, so that none meets a state of the others that the way there did not have.
 */
export function buildReturnPlan(
  plan: Plan,
  facts: PlatformFacts,
  createdAt: string,
  platform: MoveExpansion,
): Plan {
  const { beside } = plan;
  const situation: Situation = {
    facts: beside === undefined ? facts : { ...facts, beside },
    from: plan.to,
    to: plan.from,
    instances: plan.instances,
    keepWarmMs: 0,
    batch: plan.batch ?? 1,
  };
  const input = { ...plan, createdAt, facts: { platform: situation.facts } };
  const { start } = plan;
  const startOf = (part: PartFacts | undefined) => (part ? start.parts?.[part.name] : start);
  const moved = eachPart(situation, (own, part) => {
    const was = startOf(part);
    if (!was) return undefined;
    const to = { ...own.to, id: part ? was.current : own.to.id };
    return goingBack({ ...own, to }, { ...start, ...was }, plan.strategy);
  });
  return assemble(input, platform, {
    direction: 'return',
    from: plan.to,
    to: plan.from,
    start: plan.start,
    moved: moved.reverse(),
    targets: (part) => startOf(part)?.current,
    confirm: [],
    prove: [],
    earlier: plan.steps,
  });
}

interface Parts {
  direction: Plan['direction'];
  from: ReleaseReference;
  to: ReleaseReference;
  start: StartState;
  moved: PartPlan[];
  /** What a part shall run, by its own id. */
  targets(part: PartFacts): string | undefined;
  prove: PlannedStep[];
  first?: PlanInput['first'];
  confirm: PlannedStep[];
  earlier: PlannedStep[];
}

type Common = Pick<
  Plan,
  'runId' | 'createdAt' | 'strategy' | 'request' | 'findings' | 'concurrency' | 'batch'
> & {
  facts: { platform: PlatformFacts };
};

function assemble(common: Common, platform: MoveExpansion, parts: Parts): Plan {
  const facts = common.facts.platform;
  const proveIds = parts.prove.map((step) => step.id);
  const first = chained(parts.first?.steps ?? [], proveIds);
  const around = platform.surround?.(
    parts.moved.flatMap(({ moves }) => moves),
    facts,
    parts.earlier,
  );
  const moved = linkMoves(parts.moved, { facts, platform, around, first: first.last });
  // Validation starts once nothing moves any more, one check after the other, in the order of the report.
  const confirm = chained(parts.confirm, moved.last);
  const steps = [...parts.prove, ...first.steps, ...moved.steps, ...confirm.steps];
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
    ...(facts.parts && { parts: byPart(facts.parts, parts.targets) }),
    start: parts.start,
    steps,
    lines: [...(parts.first?.lines ?? []), ...moved.lines],
    findings: common.findings,
    preconditions: preconditions(facts),
    estimateMs: estimate(steps),
    concurrency: common.concurrency,
    batch: common.batch ?? 1,
    ...(facts.beside !== undefined && { beside: facts.beside }),
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
    serving: servingIn(facts),
    ...(facts.parts && {
      parts: byPart(facts.parts, (part) => ({ current: part.current ?? '', serving: servingIn(part) })),
    }),
    failing,
  };
}

function servingIn({ instances }: Pick<PlatformFacts, 'instances'>): StartState['serving'] {
  return instances
    .filter((instance) => serves(instance) || instance.inRotation)
    .map(({ slot, release }) => ({ slot, release }));
}

function byPart<T>(parts: PartFacts[], of: (part: PartFacts) => T | undefined): Record<string, T> {
  return Object.fromEntries(
    parts.flatMap((part) => {
      const value = of(part);
      return value === undefined ? [] : [[part.name, value]];
    }),
  );
}
