import type { Step, StepContext } from '../../../../engine/step.ts';
import { isNotFound, isPreconditionFailed } from '../../../../kubernetes/api-error.ts';
import { refuseStale } from '../../../../kubernetes/fenced-write.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { placeOf } from '../places.ts';
import { revisionOfPod } from '../read-view.ts';
import { isInRotation } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { eachOf, fenceOf, type PlacesInput, workloadOf } from './workload-step.ts';

export interface DeletePodsInput extends PlacesInput {
  /** Id of the revision whose pods end. */
  release: string;
}

export interface DeletePodsOutput {
  /** Names of the pods that this attempt asked to end. */
  pods: string[];
}

/**
 * Ends drained pods of a revision in some places and waits until they are gone, so that the controller starts their
 * replacements. A pod in rotation is never deleted, and none that changed since it was looked at.
 */
export function deletePods(state: ClusterState): Step<DeletePodsInput, DeletePodsOutput> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const there = podsThere(view, input);
      if (there.length === 0) return { state: 'done', output: { pods: [] } };
      const serving = servingAmong(view, there);
      if (serving.length > 0) return { state: 'conflict', why: `${serving.join(', ')} is in rotation.` };
      return { state: 'pending', before: { pods: there.map(({ metadata }) => metadata.name) } };
    },
    async apply(input, context) {
      const { signal } = context;
      const asked = new Map<string, string>();
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const there = podsThere(view, input);
        if (there.length === 0) return { pods: [...asked.values()] };
        const drained = there.filter(
          (pod) =>
            pod.metadata.deletionTimestamp === undefined &&
            !isInRotation(view, pod) &&
            !asked.has(pod.metadata.uid),
        );
        await eachOf(drained, async (pod) => {
          if (await deletePod(state, pod, context)) asked.set(pod.metadata.uid, pod.metadata.name);
        });
        await state.change(500, signal);
      }
    },
  };
}

/** Also those that are ending: their replacement comes only after them. */
function podsThere(view: WorkloadView, { release, places }: DeletePodsInput): Pod[] {
  return view.pods.filter(
    (pod) => revisionOfPod(pod) === release && (!places || places.includes(placeOf(view, pod) ?? '')),
  );
}

function servingAmong(view: WorkloadView, pods: Pod[]): string[] {
  return pods
    .filter((pod) => pod.metadata.deletionTimestamp === undefined && isInRotation(view, pod))
    .map(({ metadata }) => metadata.name);
}

/** Whether this very pod, as it was seen, was asked to end; where it has changed it is to be looked at again. */
async function deletePod(
  { cluster, namespace }: ClusterState,
  pod: Pod,
  context: StepContext,
): Promise<boolean> {
  const { name, uid, resourceVersion } = pod.metadata;
  refuseStale(pod, fenceOf(context));
  try {
    const body = { preconditions: { uid, resourceVersion } };
    await cluster.delete(pathOf('pods', namespace, name), body, { signal: context.signal });
    return true;
  } catch (error) {
    if (isNotFound(error) || isPreconditionFailed(error)) return false;
    throw error;
  }
}
