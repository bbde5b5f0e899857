import type { Step } from '../../../../engine/step.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { failureOf } from '../fail-fast.ts';
import type { Mode } from '../mode.ts';
import { placesGone } from '../places.ts';
import { raiseSet } from '../rollout/raise-set.ts';
import type { WorkloadView } from '../view.ts';
import { type Gate, gatedPods } from './gated-pods.ts';
import {
  type CountInput,
  conflictOf,
  deploymentOf,
  leaveOn,
  paceUp,
  podsOf,
  workloadOf,
} from './workload-step.ts';

export interface StartPodsInput extends CountInput {
  /** Revisions that the Deployment may be set to. */
  known: string[];
  /** Default: `surge`. In the others the controller starts pods by itself, once there is room for them. */
  mode?: Mode;
}

export interface StartPodsOutput {
  /** Names of the pods that are healthy. */
  pods: string[];
}

/** Lets the controller start pods of a revision until `count` of them are ready and pass the gate. */
export function startPods(state: ClusterState, gate: Gate): Step<StartPodsInput, StartPodsOutput> {
  const gated = gatedPods(gate);

  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const conflict = conflictOf(view, context, input.known, input.replicas);
      if (conflict) return conflict;
      const gone = placesGone(view, input.places ?? []);
      if (gone.length > 0) return { state: 'conflict', why: scaledDown(input, gone) };
      const pods = await gated(podsOf(view, input), context);
      if (pods.length >= input.count) return { state: 'done', output: { pods: namesOf(pods) } };
      return { state: 'pending', before: { healthy: pods.length } };
    },
    async apply(input, context) {
      const { signal, progress } = context;
      const { mode = 'surge' } = input;
      let told = '';
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const pods = await gated(podsOf(view, input), context);
        if (pods.length >= input.count) return { pods: namesOf(pods) };
        leaveOn(conflictOf(view, context, input.known, input.replicas));
        const failure = await failureOf(state, view, input.release, signal);
        if (failure) throw failure;
        const gone = placesGone(view, input.places ?? []);
        // Retriable, so that the next look finds the conflict and says it.
        if (gone.length > 0) {
          const summary = scaledDown(input, gone);
          throw new RollbackError({ code: 'WORKLOAD_SCALED', summary, retriable: true });
        }
        if (mode === 'paused') await raiseSet(state, view, input.release, input.count, context);
        if (mode === 'surge') await paceUp(state, view, context, { surge: surgeFor(view, input) });
        const says = `${pods.length} of ${input.count} pods healthy`;
        if (says !== told) progress(says);
        told = says;
        await state.change(500, signal);
      }
    },
  };
}

/** The controller keeps all pods together at or below replicas + surge. */
function surgeFor(view: WorkloadView, { release, count }: StartPodsInput): number {
  const others = view.revisions
    .filter(({ id }) => id !== release)
    .reduce((sum, { replicas }) => sum + (replicas ?? 0), 0);
  return Math.max(0, others + count - (deploymentOf(view).spec.replicas ?? 1));
}

function scaledDown({ workload }: StartPodsInput, gone: string[]): string {
  return `Somebody scaled ${workload} down: there shall be no ${gone.join(', ')} any more`;
}

function namesOf(pods: Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.name);
}
