import type { StepContext } from '../../../../engine/step.ts';
import type { Rollout } from '../../../../kubernetes/objects.ts';
import type { ClusterState } from '../cluster-state.ts';
import { writeWorkload } from '../steps/workload-step.ts';
import type { WorkloadView } from '../view.ts';
import { modeOfRollout } from './read-rollout.ts';
import { writeStatus } from './write-status.ts';

/**
 * Stops what a Rollout is rolling out, with its analyses and experiments; nothing where it is promoted. One whose pods
 * divide the traffic is paused first: an abort alone would have its controller end the canary's pods undrained.
 */
export async function abortRollout(
  state: ClusterState,
  view: WorkloadView,
  context: StepContext,
): Promise<void> {
  if (!isUnderWay(view.object as Rollout)) return;
  const pause = modeOfRollout(view.object as Rollout) === 'paused';
  await writeWorkload(state, view, context, (object) =>
    !pause || (object as Rollout).spec.paused
      ? undefined
      : [{ op: 'add', path: '/spec/paused', value: true }],
  );
  await writeStatus(state, view, context, 'abort');
  for (;;) {
    const { object } = await state.view(view.workload, context.signal);
    if (!isUnderWay(object as Rollout)) return;
    context.progress('waiting for the controller of Argo Rollouts to abort');
    await state.change(500, context.signal);
  }
}

/** Whether a template is on its way that is not the stable one, and nobody has aborted it. */
function isUnderWay({ status }: Rollout): boolean {
  const { stableRS, currentPodHash, abortedAt } = status ?? {};
  return !!stableRS && currentPodHash !== stableRS && abortedAt === undefined;
}
