import type { Step, StepContext } from '../../../../engine/step.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { failureOf } from '../fail-fast.ts';
import type { Mode } from '../mode.ts';
import { placesGone } from '../places.ts';
import { raiseSet } from '../rollout/raise-set.ts';
import { isAlive } from '../rotation.ts';
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
      const room = roomComing(context);
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const pods = await gated(podsOf(view, input), context);
        if (pods.length >= input.count) return { pods: namesOf(pods) };
        leaveOn(conflictOf(view, context, input.known, input.replicas));
        const failure = await failureOf(state, view, input.release, signal);
        const coming = room.isComing(view, failure);
        if (failure && !coming) throw failure;
        const gone = placesGone(view, input.places ?? []);
        // Retriable, so that the next look finds the conflict and says it.
        if (gone.length > 0) {
          const summary = scaledDown(input, gone);
          throw new RollbackError({ code: 'WORKLOAD_SCALED', summary, retriable: true });
        }
        if (!hasRoom(view, input)) {
          if (told !== 'room') progress('Waiting for room in the quota: pods are ending');
          told = 'room';
          await state.change(500, signal);
          continue;
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

/**
 * Whether a pod that a quota refused comes all the same: what ends makes room once it is gone. The controller tries again
 * after pauses that double, so from then on it may take as long again as it has been refusing.
 */
function roomComing({ clock }: StepContext) {
  let refusedMs: number | undefined;
  let endingMs: number | undefined;
  return {
    isComing(view: WorkloadView, failure: RollbackError | undefined): boolean {
      const now = clock.monotonic();
      if (view.pods.some((pod) => !isAlive(pod))) endingMs = now;
      if (failure?.code !== 'QUOTA_EXCEEDED') return false;
      refusedMs ??= now;
      return endingMs !== undefined && now - endingMs <= Math.max(0, endingMs - refusedMs) + RETRY_MS;
    },
  };
}

/** At least so long the quota's own count, which lags behind, and the controller have, ms. */
const RETRY_MS = 2_000;

/** A pod that a quota refuses is tried again by the controller ever later, so it is not asked for too early. */
function hasRoom(view: WorkloadView, input: StartPodsInput): boolean {
  if (input.beside === undefined) return true;
  const { replicas = 1 } = deploymentOf(view).spec;
  const ending = view.pods.filter((pod) => !isAlive(pod)).length;
  const alive = view.pods.length - ending;
  const coming = Math.max(0, input.count - podsOf(view, input).length);
  return coming === 0 || ending === 0 || alive + ending + coming <= replicas + input.beside;
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
