import type { Step } from '../../../../engine/step.ts';
import { DELETION_COST_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { Connections } from '../connections.ts';
import { alivePods, isAlive, isInRotation } from '../rotation.ts';
import { hasServed } from './drain-pods.ts';
import { isCrowded, scaleSet } from './scale-set.ts';
import {
  type CountInput,
  conflictOf,
  deploymentOf,
  leaveOn,
  paceDown,
  paceUp,
  workloadOf,
} from './workload-step.ts';

export interface StopPodsOutput {
  /** Names of the pods that ended. */
  pods: string[];
  /** Pods that the controller ended though they were in rotation: deletion cost is best effort. */
  unasked: string[];
}

/**
 * Lets the controller end pods of a revision until `count` are left; done once the others are terminating. Where pods of
 * a third one run, after somebody's deployment in the middle, the controller is told which revision's are to end. Where
 * somebody deleted the pod that has drained, another one would end in its place: it is waited for until it has, too.
 */
export function stopPods(state: ClusterState, connections: Connections): Step<CountInput, StopPodsOutput> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const alive = alivePods(view, input.release);
      if (alive.length <= input.count) return { state: 'done', output: { pods: [], unasked: [] } };
      const conflict = conflictOf(view, context, undefined, input.replicas);
      if (conflict) return conflict;
      const inside = alive.filter((pod) => isInRotation(view, pod));
      if (inside.length > input.count) {
        return { state: 'conflict', why: `${inside.length} pods of ${input.release} are in rotation.` };
      }
      return { state: 'pending', before: { pods: alive.map(({ metadata }) => metadata.name) } };
    },
    async apply(input, context) {
      const { signal, progress } = context;
      const first = await state.view(workloadOf(input), signal);
      const before = alivePods(first, input.release);
      const serving = new Set(
        before.filter((pod) => isInRotation(first, pod)).map(({ metadata }) => metadata.name),
      );
      const drained = new Set<string>();
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const alive = alivePods(view, input.release);
        if (alive.length <= input.count) {
          const left = new Set(alive.map(({ metadata }) => metadata.name));
          const pods = before.map(({ metadata }) => metadata.name).filter((name) => !left.has(name));
          const unasked = pods.filter((name) => serving.has(name));
          if (view.workload.kind === 'deployment') await paceDown(state, view, context);
          if (unasked.length > 0) progress(`${unasked.join(', ')} ended though in rotation; counting anew`);
          return { pods, unasked };
        }
        leaveOn(conflictOf(view, context, undefined, input.replicas));
        const leaving = alive.filter((pod) => !isInRotation(view, pod)).sort(byCost);
        const busy = leaving
          .slice(0, alive.length - input.count)
          .filter(({ metadata }) => !drained.has(metadata.uid));
        if (busy.length > 0) {
          await Promise.all(
            busy.map((pod) => connections.untilDrained(pod, view.workload, hasServed(pod, context), context)),
          );
          for (const { metadata } of busy) drained.add(metadata.uid);
          continue;
        }
        const paused = view.workload.kind === 'rollout';
        if (paused || (view.current !== input.release && isCrowded(view, input.release))) {
          await scaleSet(state, view, input.release, input.count, context);
        } else {
          const replicas = deploymentOf(view).spec.replicas ?? 1;
          // Where room is short, the controller shall not start the next pod in the place of one that is not gone yet.
          const left = view.pods.filter(isAlive).length - (alive.length - input.count);
          const most = input.beside === undefined ? undefined : Math.max(0, left - replicas);
          await paceUp(state, view, context, { unavailable: Math.max(0, replicas - input.count) }, most);
        }
        await state.change(500, signal);
      }
    },
  };
}

/** As the controller ends them, of pods that are alike else. */
function byCost(a: Pod, b: Pod): number {
  return costOf(a) - costOf(b);
}

function costOf({ metadata }: Pod): number {
  return Number(metadata.annotations?.[DELETION_COST_ANNOTATION] ?? 0);
}
