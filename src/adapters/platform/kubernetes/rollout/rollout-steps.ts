import type { StepRegistry } from '../../../../engine/step.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { eventTeller } from '../events.ts';
import { promoteRollout } from './promote-rollout.ts';
import { undoRollout } from './undo-rollout.ts';

/** The step kinds that only Argo Rollouts need. */
export function rolloutSteps(state: ClusterState, told: ReturnType<typeof eventTeller>): StepRegistry {
  return {
    'undo-rollout': told('hold-traffic', undoRollout(state)),
    'promote-rollout': promoteRollout(state),
  };
}
