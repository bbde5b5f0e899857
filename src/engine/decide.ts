import type { PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import type { RunState } from '../model/run-state.ts';
import type { PlanOutcome } from './outcome.ts';

/** What the run does next. */
export type Decision =
  /** Over, on a good end. */
  | { kind: 'end'; on: 'target' | 'start' | 'unchanged'; confirmed: boolean; why: string }
  /** Build the plan back to the start and run it. */
  | { kind: 'return'; why: string }
  /** Gather facts, build the same plan anew, go on. */
  | { kind: 'rebuild'; why: string }
  /** Stop while still serving; `resume` and `abort` go on. */
  | { kind: 'stop'; why: string };

export interface DecideInput {
  state: RunState;
  outcome: PlanOutcome;
  /** Read after the outcome; undefined where the platform could not be reached. */
  facts: PlatformFacts | undefined;
  /** Plans already built again in this attempt. */
  rebuilds: number;
  /** Whether a person took the run up again, knowing how it stood. */
  resumed: boolean;
}

/** An autoscaler may change the count again and again; somebody who works against the run should see it stop. */
const MAX_REBUILDS = 10;

/**
 * Rule 9 of a run, as one pure function: a failure leaves production on one of two known-good ends, never between, and
 * never moves traffic from a healthy target back to a release that is failing by evidence.
 */
export function decide({ state, outcome, facts, rebuilds, resumed }: DecideInput): Decision {
  const { plan } = state;
  const why = explain(outcome);
  switch (outcome.kind) {
    case 'done':
      return plan.direction === 'return'
        ? { kind: 'end', on: 'start', confirmed: true, why: whyReturned(state) }
        : validated(state, facts);
    case 'unknown':
    case 'left':
    case 'lease-lost':
    case 'journal-failed':
      return { kind: 'stop', why };
    case 'conflict':
      if (outcome.otherwise && !resumed) return { kind: 'stop', why };
      if (rebuilds < MAX_REBUILDS && facts) return { kind: 'rebuild', why };
      return { kind: 'stop', why };
    case 'failed':
    case 'timeout':
    case 'stop-requested':
      break;
  }
  if (plan.direction === 'return') return { kind: 'stop', why };
  if (state.movedAt === undefined) return { kind: 'end', on: 'unchanged', confirmed: false, why };
  if (!facts) return { kind: 'stop', why: `${why} The platform could not be reached.` };
  const passed = pointOfNoReturn(state);
  if (passed) return { kind: 'stop', why: `${why} There is no way back to ${plan.from.version}: ${passed}` };
  const aborted = outcome.kind === 'stop-requested' && outcome.by === 'abort';
  if (aborted) return { kind: 'return', why };
  if (servingOf(plan.to.id, facts) === 0) return { kind: 'return', why };
  const failing = startFailing(plan, facts);
  if (!failing) return { kind: 'return', why };
  const evidence = `${plan.from.version} is failing (${failing}), so no traffic goes back to it.`;
  if (allOnTarget(plan, facts) && everyMoveDone(state)) {
    return { kind: 'end', on: 'target', confirmed: false, why: `${why} ${evidence}` };
  }
  return { kind: 'stop', why: `${why} ${evidence}` };
}

/** A finished plan: confirmed, not confirmed, or contradicted by its own validation. */
function validated(state: RunState, facts: PlatformFacts | undefined): Decision {
  const { plan } = state;
  const findings = state.proofs
    .filter(({ step }) => step.phase === 'confirm')
    .flatMap((proof) => proof.findings);
  const failed = findings.filter((finding) => finding.status === 'fail');
  const open = findings.filter(
    ({ status, absent }) => !absent && (status === 'unknown' || status === 'warn'),
  );
  if (failed.length === 0) {
    const why =
      open.length > 0 ? open.map((finding) => finding.title).join('; ') : `All on ${plan.to.version}.`;
    return { kind: 'end', on: 'target', confirmed: open.length === 0, why };
  }
  const why = `Validation failed: ${failed.map((finding: Finding) => finding.title).join('; ')}.`;
  const passed = pointOfNoReturn(state);
  const failing = facts ? startFailing(plan, facts) : 'what runs now could not be read';
  if (passed || failing) {
    const reason = passed ?? `${plan.from.version} is failing (${failing})`;
    return { kind: 'end', on: 'target', confirmed: false, why: `${why} Not going back: ${reason}.` };
  }
  return { kind: 'return', why };
}

/** Why the release gone back from counts as failing; undefined where there is no evidence of it. */
function startFailing(plan: Plan, facts: PlatformFacts): string | undefined {
  if (plan.start.failing.is) return plan.start.failing.evidence.join('; ');
  const parts = facts.parts ?? [{ ...facts, name: undefined }];
  for (const { name, instances } of parts) {
    const from = name === undefined ? plan.from.id : plan.start.parts?.[name]?.current;
    const old = instances.filter((instance) => instance.release === from && instance.inRotation);
    if (old.length === 0 || old.some(serves)) continue;
    return `none of its ${facts.noun.many}${name === undefined ? '' : ` of ${name}`} is ready`;
  }
  return undefined;
}

function servingOf(release: string, facts: PlatformFacts): number {
  return facts.instances.filter((instance) => instance.release === release && serves(instance)).length;
}

function allOnTarget(plan: Plan, facts: PlatformFacts): boolean {
  const whole = { to: plan.to.id, instances: facts.instances, desired: plan.instances };
  const parts = facts.parts?.map(({ name, ...part }) => ({ ...part, to: plan.parts?.[name] })) ?? [whole];
  return parts.every(({ to, instances, desired }) => {
    const inRotation = instances.filter((instance) => instance.inRotation);
    const serving = inRotation.filter((instance) => instance.release === to && serves(instance));
    return serving.length >= desired && inRotation.every((instance) => instance.release === to);
  });
}

function everyMoveDone({ plan, steps }: RunState): boolean {
  return plan.steps.every((step) => step.phase === 'confirm' || steps.get(step.id)?.state === 'done');
}

function pointOfNoReturn(state: RunState): string | undefined {
  for (const step of state.plan.steps) {
    const status = state.steps.get(step.id)?.state;
    if (step.pointOfNoReturn && status !== 'waiting' && status !== undefined) return step.pointOfNoReturn;
  }
  return undefined;
}

function whyReturned(state: RunState): string {
  return state.plans.findLast(({ plan }) => plan.direction === 'return')?.why ?? 'Went back.';
}

function explain(outcome: PlanOutcome): string {
  switch (outcome.kind) {
    case 'done':
      return 'Done.';
    case 'failed':
      return `${message(outcome.error)}.`;
    case 'timeout':
      return 'The time allowed by --timeout is over.';
    case 'stop-requested':
      return outcome.by === 'abort' ? 'Aborted on request.' : 'Interrupted.';
    case 'conflict':
      return `Production changed meanwhile: ${outcome.why}`;
    case 'unknown':
      return `It can't be told whether step ${outcome.step.id} took effect: ${outcome.why}`;
    case 'left':
      return 'Left at once on request.';
    case 'lease-lost':
      return `Another client holds the run now: ${message(outcome.error)}.`;
    case 'journal-failed':
      return `The journal takes no entries: ${message(outcome.error)}.`;
  }
}

function message(error: unknown): string {
  // Log lines and the like that an error brings along are told with the error itself.
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return first.replace(/\.$/, '');
}
