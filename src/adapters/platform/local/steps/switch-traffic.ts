import type { Step } from '../../../../engine/step.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { acknowledged } from './acknowledged.ts';
import { conflictOf, fence, type InstanceInput } from './instance-step.ts';

export interface SwitchTrafficInput extends Pick<InstanceInput, 'release' | 'current'> {
  /** Instances that get all requests from now on. */
  instances: string[];
}

export interface SwitchTrafficOutput {
  /** Instances that were taken out of rotation by it, as far as that is known. */
  out: string[];
}

/** All traffic to one set of instances, in one change; done once the proxy has acknowledged it. */
export function switchTraffic(client: SupervisorClient): Step<SwitchTrafficInput, SwitchTrafficOutput> {
  return {
    async observe(input, context) {
      const state = acknowledged(await client.state(context.signal));
      const conflict = conflictOf(state, input);
      if (conflict) return conflict;
      const rotation = state.instances.filter((one) => one.inRotation).map((one) => one.id);
      const there = new Set(state.instances.map((one) => one.id));
      const gone = input.instances.find((id) => !there.has(id));
      if (gone) return { state: 'conflict', why: `${gone} is not there any more.` };
      const same =
        rotation.length === input.instances.length && input.instances.every((id) => rotation.includes(id));
      return same
        ? { state: 'done', output: { out: [] } }
        : { state: 'pending', before: { inRotation: rotation } };
    },
    async apply(input, context) {
      const before = await client.state(context.signal);
      const out = before.instances
        .filter((one) => one.inRotation && !input.instances.includes(one.id))
        .map((one) => one.id);
      await client.switchTo({ ...fence(context, input), in: input.instances }, context.signal);
      return { out };
    },
  };
}
