import type { Step } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import { BEFORE_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { isHeldBy } from '../held.ts';
import { isAlive, isListed, isReady } from '../rotation.ts';
import { eachOf, fenceOf, type WorkloadInput, workloadOf } from '../steps/workload-step.ts';
import type { WorkloadView } from '../view.ts';

export interface SwitchPairInput extends WorkloadInput {
  /** The label that the Services pick by, and the value that they shall pick. */
  key: string;
  value: string;
  /** Pods of the workload that the EndpointSlices shall list. */
  count: number;
}

/**
 * Points the Services at one of the pair, one write for each; done once their EndpointSlices list `count` pods of it and
 * none of the other. What a lost run would put back is the new selector from then on.
 */
export function switchPair(state: ClusterState): Step<SwitchPairInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      if (isSwitched(view, input)) return { state: 'done', output: null };
      if (view.services.length === 0)
        return { state: 'conflict', why: 'No Service picks one of the pair any more.' };
      const lost = view.services.find((service) => !isHeldBy(service, context.runId));
      if (lost) {
        return { state: 'conflict', why: `${lost.metadata.name} is no longer marked as moved by this run.` };
      }
      return {
        state: 'pending',
        before: { values: view.services.map(({ spec }) => spec.selector?.[input.key]) },
      };
    },
    async apply(input, context) {
      const { cluster, namespace } = state;
      const { signal } = context;
      const { services } = await state.view(workloadOf(input), signal);
      const before = `/metadata/annotations/${pointerPart(BEFORE_ANNOTATION)}`;
      await eachOf(services, async (service) => {
        const written = await fencedWrite<Service>({
          cluster,
          path: pathOf('services', namespace, service.metadata.name),
          known: service,
          fence: fenceOf(context),
          signal,
          change: ({ spec }) => {
            if (spec.selector?.[input.key] === input.value) return undefined;
            const selector = { ...spec.selector, [input.key]: input.value };
            return [
              { op: 'test', path: '/spec/selector', value: spec.selector },
              { op: 'replace', path: '/spec/selector', value: selector },
              { op: 'add', path: before, value: JSON.stringify({ selector }) },
            ];
          },
        });
        state.saw('services', written);
      });
      for (;;) {
        if (isSwitched(await state.view(workloadOf(input), signal), input)) return null;
        await state.change(200, signal);
      }
    },
  };
}

function isSwitched(view: WorkloadView, { key, value, count }: SwitchPairInput): boolean {
  if (view.services.length === 0) return false;
  if (view.services.some(({ spec }) => spec.selector?.[key] !== value)) return false;
  const listed = view.pods.filter((pod) => isAlive(pod) && isReady(pod) && isListed(view, pod));
  const own = new Set(view.pods.map(({ metadata }) => metadata.uid));
  const others = view.slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .some(({ conditions, targetRef }) => (conditions?.ready ?? true) && !own.has(targetRef?.uid ?? ''));
  return listed.length >= count && !others;
}
