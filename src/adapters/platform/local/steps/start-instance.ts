import type { Step } from '../../../../engine/step.ts';
import { secretsFromEnvironment } from '../secrets.ts';
import type { SupervisorClient } from '../supervisor-client.ts';
import { conflictOf, fence, findInstance, type InstanceInput } from './instance-step.ts';

export interface StartInstanceInput extends InstanceInput {
  /** Where the release's secrets come from, by variable, e.g. `env:API_KEY`. */
  secretSources: Record<string, string>;
}

export interface StartInstanceOutput {
  pid: number | undefined;
  port: number;
}

/** Starts an instance out of rotation; done once it is healthy. */
export function startInstance(client: SupervisorClient): Step<StartInstanceInput, StartInstanceOutput> {
  return {
    async observe(input, context) {
      const state = await client.state(context.signal);
      const found = findInstance(state, input);
      // One that is kept warm or was drained must be claimed, or it might be ended meanwhile.
      if (found?.state === 'ready' && found.warmUntilMs === undefined) {
        return { state: 'done', output: { pid: found.pid, port: found.port } };
      }
      return conflictOf(state, input) ?? { state: 'pending', before: found?.state ?? null };
    },
    async apply(input, context) {
      const { instance: id, slot, release, secretSources } = input;
      const secrets = secretsFromEnvironment(secretSources, process.env);
      context.progress(`waiting until ${id} is healthy`);
      const started = await client.start(
        { ...fence(context, input), id, slot, release, secrets },
        context.signal,
      );
      return { pid: started.pid, port: started.port };
    },
  };
}
