import type { Step } from '../../../../engine/step.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { conflictOf, fence, findInstance, type InstanceInput } from './instance-step.ts';

export interface KeepWarmInput extends InstanceInput {
  ms: number;
}

export interface KeepWarmOutput {
  /** ISO 8601; undefined where it is gone already. */
  until: string | undefined;
}

/** Leaves a drained instance running for a time, after which the supervisor ends it. */
export function keepWarm(client: SupervisorClient): Step<KeepWarmInput, KeepWarmOutput> {
  return {
    async observe(input, context) {
      const state = await client.state(context.signal);
      const found = findInstance(state, input);
      if (!found) return { state: 'done', output: { until: undefined } };
      const conflict = conflictOf(state, input);
      if (conflict) return conflict;
      if (found.inRotation) return { state: 'conflict', why: `${found.id} was put back into rotation.` };
      if (found.warmUntilMs !== undefined) {
        return { state: 'done', output: { until: new Date(found.warmUntilMs).toISOString() } };
      }
      return { state: 'pending', before: { warmUntil: null } };
    },
    async apply(input, context) {
      const untilMs = context.clock.now() + input.ms;
      await client.keepWarm({ ...fence(context, input), id: input.instance, untilMs }, context.signal);
      return { until: new Date(untilMs).toISOString() };
    },
  };
}
