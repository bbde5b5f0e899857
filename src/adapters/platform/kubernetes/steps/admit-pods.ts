import type { Step } from '../../../../engine/step.ts';
import {
  DELETION_COST_ANNOTATION,
  OUT_SINCE_ANNOTATION,
  SERVING_LABEL,
} from '../../../../kubernetes/names.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { isInRotation, isListed, isReady } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { SERVING } from './hold-traffic.ts';
import { sendByLabel } from './send-by-label.ts';
import { type CountInput, eachOf, podsOf, workloadOf, writePod } from './workload-step.ts';

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
      await sendByLabel(state, input, context);
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const listed = listedPods(view, input);
        if (listed.length >= input.count) return { pods: listed };
        const ready = podsOf(view, input).filter(isReady);
        const inside = ready.filter((pod) => isInRotation(view, pod));
        const more = ready.filter((pod) => !isInRotation(view, pod)).slice(0, input.count - inside.length);
        await eachOf(more, (pod) =>
          writePod(state, pod, context, ({ metadata }) => [
            { op: 'add', path: `/metadata/labels/${pointerPart(SERVING_LABEL)}`, value: SERVING },
            // What was to leave first stays now.
            ...[OUT_SINCE_ANNOTATION, DELETION_COST_ANNOTATION]
              .filter((key) => metadata.annotations?.[key] !== undefined)
              .map((key) => ({ op: 'remove' as const, path: `/metadata/annotations/${pointerPart(key)}` })),
          ]),
        );
        if (more.length === 0) await state.change(500, signal);
      }
    },
  };
}

function listedPods(view: WorkloadView, input: CountInput): string[] {
  return podsOf(view, input)
    .filter((pod) => isReady(pod) && isInRotation(view, pod) && isListed(view, pod))
    .map(({ metadata }) => metadata.name);
}
