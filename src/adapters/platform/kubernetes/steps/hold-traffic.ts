import type { Step, StepContext } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import {
  DELETION_COST_ANNOTATION,
  HASH_LABEL,
  OUT_SINCE_ANNOTATION,
  SERVING_LABEL,
} from '../../../../kubernetes/names.ts';
import type { Pod, Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { heldFields, holdOperations, holdServiceOperations, isHeldBy } from '../held.ts';
import { hasLabels, originalSelector } from '../read-view.ts';
import { isAlive } from '../rotation.ts';
import { labelsWritten, untilLabelsSeen } from './labels-seen.ts';
import { eachOf, fenceOf, type WorkloadInput, workloadOf, writePod, writeWorkload } from './workload-step.ts';

export interface HoldTrafficInput extends WorkloadInput {
  /**
   * `each`: pods come and go one by one, by a label of their own. `all`: traffic goes from one revision to another in
   * one change, by the label that tells revisions apart. Where only pods of one revision serve, `each` begins with that
   * one, too, since all of them have it since long, and goes over when the first pod comes or goes; see `sendByLabel`.
   */
  by: 'each' | 'all';
  /** The revision that serves now. */
  release: string;
  /**
   * Pods are labelled only once the first of them comes or goes, then without those that leave at once. Saves writes
   * where many move together, and costs a pause then.
   */
  labelLater?: boolean;
}

/** Value of the serving label. */
export const SERVING = 'true';

/**
 * Makes the Services select, besides what they select by, only the pods that serve now, so that a pod can be taken out
 * or brought in without touching its template. Nothing changes for traffic. What the objects were before is kept on them.
 */
export function holdTraffic(state: ClusterState): Step<HoldTrafficInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const held = [view.object, ...view.services].every((object) => isHeldBy(object, context.runId));
      if (held && view.services.every(isNarrowed)) return { state: 'done', output: null };
      const selectors = view.services.map(({ metadata, spec }) => [metadata.name, spec.selector]);
      return { state: 'pending', before: { selectors: Object.fromEntries(selectors) } };
    },
    async apply(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      await writeWorkload(state, view, context, (object) =>
        isHeldBy(object, context.runId)
          ? undefined
          : holdOperations(object, fenceOf(context), heldFields({ workload: view.workload, object })),
      );
      const { by } = input;
      const originals = view.services.map(originalSelector);
      const serving = by === 'each' ? await servingPods(state, originals, context) : [];
      const byRevision = serving.every(({ metadata }) => metadata.labels?.[HASH_LABEL] === input.release);
      const label = async () => {
        // A pod that was born meanwhile serves like the others.
        if (by === 'each' && !(byRevision && input.labelLater))
          await labelPods(state, await servingPods(state, originals, context), context);
      };
      await label();
      if (!byRevision) await untilLabelsSeen(state, context);
      const [key, value] = byRevision ? [HASH_LABEL, input.release] : [SERVING_LABEL, SERVING];
      await eachOf(view.services, async (service) => {
        const { cluster, namespace } = state;
        const written = await fencedWrite<Service>({
          cluster,
          path: pathOf('services', namespace, service.metadata.name),
          known: service,
          fence: fenceOf(context),
          signal: context.signal,
          change: (now) => {
            if (isHeldBy(now, context.runId) && isNarrowed(now)) return undefined;
            const narrowed = isNarrowed(now)
              ? []
              : [
                  { op: 'test' as const, path: '/spec/selector', value: now.spec.selector },
                  { op: 'add' as const, path: `/spec/selector/${pointerPart(key)}`, value },
                ];
            const before = { selector: now.spec.selector, by };
            return [...holdServiceOperations(now, fenceOf(context), before), ...narrowed];
          },
        });
        state.saw('services', written);
      });
      await label();
      return null;
    },
  };
}

/** Whether a run added to the selector. */
export function isNarrowed({ spec }: Service): boolean {
  return spec.selector?.[SERVING_LABEL] !== undefined || spec.selector?.[HASH_LABEL] !== undefined;
}

/** Every pod that one of the selectors selects, whoever owns it. */
async function servingPods(
  state: ClusterState,
  selectors: Record<string, string>[],
  { signal }: StepContext,
): Promise<Pod[]> {
  return (await state.pods(signal)).filter(
    (pod) => isAlive(pod) && selectors.some((selector) => hasLabels(selector, pod.metadata.labels ?? {})),
  );
}

/** Gives pods the serving label, those that lack it. */
export async function labelPods(
  state: ClusterState,
  pods: readonly Pod[],
  context: StepContext,
): Promise<void> {
  const unlabelled = pods.filter(({ metadata }) => metadata.labels?.[SERVING_LABEL] !== SERVING);
  await eachOf(unlabelled, (pod) =>
    writePod(state, pod, context, ({ metadata: { labels, annotations } }) => {
      if (labels?.[SERVING_LABEL] === SERVING) return undefined;
      // What was to leave first stays now.
      const out =
        annotations?.[OUT_SINCE_ANNOTATION] === undefined
          ? []
          : [OUT_SINCE_ANNOTATION, DELETION_COST_ANNOTATION];
      return [
        { op: 'add', path: `/metadata/labels/${pointerPart(SERVING_LABEL)}`, value: SERVING },
        ...out
          .filter((key) => annotations?.[key] !== undefined)
          .map((key) => ({ op: 'remove' as const, path: `/metadata/annotations/${pointerPart(key)}` })),
      ];
    }),
  );
  if (unlabelled.length > 0) labelsWritten(state, context);
}
