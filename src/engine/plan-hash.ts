import { createHash } from 'node:crypto';
import type { Plan } from '../model/plan.ts';
import { stableJson } from '../model/stable-json.ts';

/** The hash that `plan` must have; `resume` refuses where it differs. */
export function planHash(plan: Plan): string {
  const { current, canary, serving, parts } = plan.start;
  const covered = {
    format: plan.format,
    target: plan.target,
    direction: plan.direction,
    from: plan.from,
    to: plan.to,
    strategy: plan.strategy,
    instances: plan.instances,
    start: { current, canary: canary ?? null, serving, ...(parts && { parts }) },
    // What the validation is compared with are metrics; that it takes place is covered.
    steps: plan.steps.map(({ estimateMs: _, ...step }) =>
      step.phase === 'confirm' ? { ...step, input: null } : step,
    ),
    preconditions: plan.preconditions,
    accepted: [...plan.request.accepted].sort(),
  };
  return createHash('sha256').update(stableJson(covered)).digest('hex');
}
