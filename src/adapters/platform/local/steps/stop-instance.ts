import type { Step } from '../../../../engine/step.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { conflictOf, fence, findInstance, type InstanceInput } from './instance-step.ts';

/** Ends a drained instance; done once its process has ended. */
export function stopInstance(client: SupervisorClient): Step<InstanceInput, null> {
  return {
    async observe(input, context) {
      const state = await client.state(context.signal);
      const found = findInstance(state, input);
      if (!found) return { state: 'done', output: null };
      const conflict = conflictOf(state, input);
      if (conflict) return conflict;
      if (found.inRotation) {
        return { state: 'conflict', why: `${found.id} was put back into rotation.` };
      }
      return { state: 'pending', before: { state: found.state } };
    },
    async apply(input, context) {
      // The supervisor allows it only once the drain time is over; until then it refuses while anything is in flight.
      await client.stop({ ...fence(context, input), id: input.instance, force: true }, context.signal);
      return null;
    },
  };
}
