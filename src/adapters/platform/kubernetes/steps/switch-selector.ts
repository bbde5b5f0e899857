import type { Step } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import { HASH_LABEL } from '../../../../kubernetes/names.ts';
import type { Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { revisionOfPod } from '../read-view.ts';
import { alivePods, isListed, isReady } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { type CountInput, eachOf, fenceOf, workloadOf } from './workload-step.ts';

export type SwitchSelectorInput = CountInput;

/**
 * Points every Service at the pods of one revision, one write for each; done once its EndpointSlices list `count` of
 * them and no pod of another revision.
 */
export function switchSelector(state: ClusterState): Step<SwitchSelectorInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      if (isSwitched(view, input)) return { state: 'done', output: null };
      const held = view.services.map(({ spec }) => spec.selector?.[HASH_LABEL] ?? null);
      if (view.services.some(({ spec }) => spec.selector?.[HASH_LABEL] === undefined)) {
        return { state: 'conflict', why: 'A Service no longer selects by revision.' };
      }
      return { state: 'pending', before: { revisions: held } };
    },
    async apply(input, context) {
      const { cluster, namespace } = state;
      const { signal } = context;
      let view = await state.view(workloadOf(input), signal);
      await eachOf(view.services, async (service) => {
        const written = await fencedWrite<Service>({
          cluster,
          path: pathOf('services', namespace, service.metadata.name),
          known: service,
          fence: fenceOf(context),
          signal,
          change: ({ spec }) =>
            spec.selector?.[HASH_LABEL] === input.release
              ? undefined
              : [
                  { op: 'test', path: '/spec/selector', value: spec.selector },
                  { op: 'replace', path: `/spec/selector/${pointerPart(HASH_LABEL)}`, value: input.release },
                ],
        });
        state.saw('services', written);
      });
      for (;;) {
        view = await state.view(workloadOf(input), signal);
        if (isSwitched(view, input)) return null;
        await state.change(200, signal);
      }
    },
  };
}

function isSwitched(view: WorkloadView, { release, count }: SwitchSelectorInput): boolean {
  if (view.services.some(({ spec }) => spec.selector?.[HASH_LABEL] !== release)) return false;
  const listed = alivePods(view, release).filter((pod) => isReady(pod) && isListed(view, pod));
  const others = view.pods.filter(
    (pod) => revisionOfPod(pod) !== release && isReady(pod) && isListed(view, pod),
  );
  return listed.length >= count && (others.length === 0 || view.services.length === 0);
}
