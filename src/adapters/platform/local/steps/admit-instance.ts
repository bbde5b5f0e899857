import type { Step } from '../../../../engine/step.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { acknowledged } from './acknowledged.ts';
import { conflictOf, fence, findInstance, type InstanceInput } from './instance-step.ts';

/** Puts an instance into rotation; done once the proxy sends requests to it. */
export function admitInstance(client: SupervisorClient): Step<InstanceInput, null> {
  return {
    async observe(input, context) {
      const state = acknowledged(await client.state(context.signal));
      const conflict = conflictOf(state, input);
      if (conflict) return conflict;
      const found = findInstance(state, input);
      if (!found) return { state: 'conflict', why: `${input.instance} is not there any more.` };
      if (found.inRotation) return { state: 'done', output: null };
      return { state: 'pending', before: { inRotation: false } };
    },
    async apply(input, context) {
      await client.admit({ ...fence(context, input), id: input.instance }, context.signal);
      return null;
    },
  };
}
