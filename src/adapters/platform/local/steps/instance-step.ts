import type { Observation, StepContext } from '../../../../engine/step.ts';
import type { InstanceView, SupervisorState } from '../supervisor-api.ts';

/** What every step on one instance is planned with. */
export interface InstanceInput {
  /** `<service>-<release>-<slot>`. */
  instance: string;
  slot: number;
  /** Release id. */
  release: string;
  /** The current release that the plan supposes; null for none. */
  current: string | null;
}

/** The step's instance as it is now; undefined where it is not there. */
export function findInstance(state: SupervisorState, { instance }: InstanceInput): InstanceView | undefined {
  return state.instances.find((one) => one.id === instance);
}

/** Why the plan no longer fits what is there; undefined where it does. */
export function conflictOf(
  state: SupervisorState,
  { release, current }: Pick<InstanceInput, 'release' | 'current'>,
): Observation<never> | undefined {
  if ((state.current ?? null) !== current) {
    const why = `The current release is ${state.current ?? 'none'} now, not ${current ?? 'none'}: somebody changed it.`;
    return { state: 'conflict', why };
  }
  if (!state.releases.includes(release)) {
    return { state: 'conflict', why: `The supervisor knows no release ${release}.` };
  }
  return undefined;
}

/** What a changing call says besides what it asks for. */
export function fence(context: StepContext, { current }: Pick<InstanceInput, 'current'>) {
  return { epoch: context.epoch, expect: { current } };
}
