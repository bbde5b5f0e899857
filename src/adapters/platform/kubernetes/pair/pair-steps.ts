import type { StepRegistry } from '../../../../engine/step.ts';
import type { ClusterState } from '../cluster-state.ts';
import { podConnections } from '../connections.ts';
import type { KubernetesSettings } from '../settings.ts';
import { drainPods } from '../steps/drain-pods.ts';
import type { Gate } from '../steps/gated-pods.ts';
import { scaleWorkload } from '../steps/scale-workload.ts';
import { holdPair, letGoPair, restoreIdle } from './hold-pair.ts';
import { keepWarm } from './keep-warm.ts';
import { pairState } from './pair-state.ts';
import { prepareIdle } from './prepare-idle.ts';
import { switchPair } from './switch-pair.ts';

/** The step kinds of a blue-green pair. */
export function pairSteps(state: ClusterState, gate: Gate, settings: KubernetesSettings): StepRegistry {
  const pair = pairState(state);
  return {
    'hold-pair': holdPair(pair),
    'prepare-idle': prepareIdle(pair, gate),
    'switch-pair': switchPair(pair),
    'drain-pair': drainPods(pair, podConnections(pair, settings)),
    'scale-pair': scaleWorkload(pair),
    'keep-warm': keepWarm(pair),
    'restore-idle': restoreIdle(pair),
    'let-go-pair': letGoPair(pair),
  };
}
