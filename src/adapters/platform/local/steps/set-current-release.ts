import type { Step } from '../../../../engine/step.ts';
import type { SupervisorClient } from '../supervisor-client.ts';

export interface SetCurrentReleaseInput {
  release: string;
  canary: string | null;
  /** What the plan supposes to be set before. */
  before: { current: string | null; canary: string | null };
}

/** Makes a release the one that the platform is set to run. */
export function setCurrentRelease(client: SupervisorClient): Step<SetCurrentReleaseInput, null> {
  return {
    async observe({ release, canary, before }, context) {
      const state = await client.state(context.signal);
      const now = { current: state.current ?? null, canary: state.canary ?? null };
      if (now.current === release && now.canary === canary) return { state: 'done', output: null };
      if (now.current !== before.current || now.canary !== before.canary) {
        const why = `The current release is ${now.current ?? 'none'} now, its canary ${now.canary ?? 'none'}.`;
        return { state: 'conflict', why };
      }
      return { state: 'pending', before: now };
    },
    async apply({ release, canary, before }, context) {
      const expect = { current: before.current };
      await client.setCurrent({ epoch: context.epoch, expect, release, canary }, context.signal);
      return null;
    },
  };
}
