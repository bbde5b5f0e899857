import type { Step } from '../../../../engine/step.ts';
import type { Rollout } from '../../../../kubernetes/objects.ts';
import type { ClusterState } from '../cluster-state.ts';
import { failureOf } from '../fail-fast.ts';
import { revisionOfPod } from '../read-view.ts';
import { alivePods, isListed, isReady } from '../rotation.ts';
import { type CountInput, conflictOf, leaveOn, workloadOf } from '../steps/workload-step.ts';
import type { WorkloadView } from '../view.ts';
import { raiseSet } from './raise-set.ts';
import { modeOfRollout } from './read-rollout.ts';
import { writeStatus } from './write-status.ts';

/**
 * Has the controller count a revision as promoted without the steps, pauses and analyses of the Rollout's strategy; done
 * once it is the stable one, the active Service's, a router sends a canary nothing, and the EndpointSlices list `count` of its pods and none of another.
 */
export function promoteRollout(state: ClusterState): Step<CountInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      if (isPromoted(view, input)) return { state: 'done', output: null };
      const conflict = conflictOf(view, context, [input.release], input.count);
      return conflict ?? { state: 'pending', before: { stable: statusOf(view).stableRS ?? null } };
    },
    async apply(input, context) {
      const { signal, progress } = context;
      let told = '';
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        if (isPromoted(view, input)) return null;
        leaveOn(conflictOf(view, context, [input.release], input.count));
        const failure = await failureOf(state, view, input.release, signal);
        if (failure) throw failure;
        if (modeOfRollout(view.object as Rollout) === 'paused') {
          await raiseSet(state, view, input.release, input.count, context);
        }
        const { stableRS, currentPodHash, promoteFull, phase, message } = statusOf(view);
        // One that is asked for earlier is forgotten when the controller finds the new template.
        if (currentPodHash === input.release && stableRS !== input.release && !promoteFull) {
          await writeStatus(state, view, context, 'promoteFull');
        }
        const says = `its controller says ${phase ?? 'nothing'}${message ? ` (${message})` : ''}`;
        if (says !== told) progress(says);
        told = says;
        await state.change(500, signal);
      }
    },
  };
}

function isPromoted(view: WorkloadView, { release, count }: CountInput): boolean {
  const { stableRS, currentPodHash, blueGreen, canary } = statusOf(view);
  if (view.current !== release || stableRS !== release || currentPodHash !== release) return false;
  const { strategy } = (view.object as Rollout).spec;
  if (strategy.blueGreen && blueGreen?.activeSelector !== release) return false;
  if ((canary?.weights?.canary?.weight ?? 0) > 0) return false;
  const listed = alivePods(view, release).filter((pod) => isReady(pod) && isListed(view, pod));
  const others = view.pods.filter(
    (pod) => revisionOfPod(pod) !== release && isReady(pod) && isListed(view, pod),
  );
  return view.services.length === 0 || (listed.length >= count && others.length === 0);
}

function statusOf({ object }: WorkloadView): NonNullable<Rollout['status']> {
  return (object as Rollout).status ?? {};
}
