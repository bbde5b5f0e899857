import type { Step } from '../../../../engine/step.ts';
import type { ClusterState } from '../cluster-state.ts';
import { isInRotation, isListed, isReady } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { labelPods } from './hold-traffic.ts';
import { replacedBy, sendByLabel, sendByRevision } from './send-by-label.ts';
import { type CountInput, podsOf, workloadOf } from './workload-step.ts';

export interface AdmitPodsOutput {
  pods: string[];
}

/** Brings pods of a revision into rotation until `count` are; done once the EndpointSlices list them as ready. */
export function admitPods(state: ClusterState): Step<CountInput, AdmitPodsOutput> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const listed = listedPods(view, input);
      if (listed.length >= input.count) return { state: 'done', output: { pods: listed } };
      return { state: 'pending', before: { inRotation: listed.length } };
    },
    async apply(input, context) {
      const { signal } = context;
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const listed = listedPods(view, input);
        if (listed.length >= input.count) return { pods: listed };
        const ready = podsOf(view, input).filter(isReady);
        const inside = ready.filter((pod) => isInRotation(view, pod));
        const more = ready.filter((pod) => !isInRotation(view, pod)).slice(0, input.count - inside.length);
        if (more.length > 0 && !(await sendByRevision(state, input, view, context))) {
          // Of many, those that leave for them go with the same change: each change of a pod is a request.
          const [coming, going] = more.length > 1 ? [more, replacedBy(view, input, more)] : [];
          if (await sendByLabel(state, view, context, coming, going)) continue;
          await labelPods(state, more, context);
        }
        // What was written shows in a moment; where it does not, somebody else is at it.
        await state.change(more.length > 0 ? 50 : 500, signal);
      }
    },
  };
}

function listedPods(view: WorkloadView, input: CountInput): string[] {
  return podsOf(view, input)
    .filter((pod) => isReady(pod) && isInRotation(view, pod) && isListed(view, pod))
    .map(({ metadata }) => metadata.name);
}
