import type { Step, StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import {
  DELETION_COST_ANNOTATION,
  EPOCH_ANNOTATION,
  OUT_SINCE_ANNOTATION,
  SERVING_LABEL,
} from '../../../../kubernetes/names.ts';
import type { Pod, Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import {
  fieldsBefore,
  type HeldFields,
  type HeldService,
  isHeldBy,
  letGoOperations,
  letGoServiceOperations,
  putBackOperations,
} from '../held.ts';
import { hasLabels, originalSelector, revisionOfPod } from '../read-view.ts';
import { isAlive } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { cleanSets, markedSets } from './clean-sets.ts';
import { isNarrowed } from './hold-traffic.ts';
import { untilSelectorsSeen } from './labels-seen.ts';
import { eachOf, fenceOf, type WorkloadInput, workloadOf, writeWorkload } from './workload-step.ts';

export interface PutBackInput extends WorkloadInput {
  /** The revision that stays. */
  release: string;
  /** Whether pods of others may stay, too: an Argo Rollout's canary, or what its controller keeps for a while. */
  beside?: boolean;
}

/**
 * Puts back everything that the run changed for its time: the Services' selectors, the workload's strategy and
 * deadlines, labels and annotations of pods. Only once every other pod is terminating, for until then the selectors keep
 * drained pods out.
 */
export function putBack(state: ClusterState): Step<PutBackInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const held = [view.object, ...view.services].some((object) => isHeldBy(object, context.runId));
      const left = [...(await marked(state, view, context)), ...markedSets(view)];
      if (!held && left.length === 0) return { state: 'done', output: null };
      return { state: 'pending', before: null };
    },
    async apply(input, context) {
      const { signal } = context;
      const view = await state.view(workloadOf(input), signal);
      if (!input.beside) refuseWhileOthersLive(view, input.release);
      await eachOf(view.services, (service) => putBackService(state, service, context));
      await writeWorkload(
        state,
        view,
        context,
        (object) => {
          if (!isHeldBy(object, context.runId)) return undefined;
          const before = fieldsBefore<HeldFields>(object);
          return [...letGoOperations(object), ...(before ? putBackOperations(object, before) : [])];
        },
        true,
      );
      const pods = await marked(state, view, context);
      // Until it has seen the selectors without it, the label is what keeps pods among the endpoints.
      if (pods.some(({ metadata }) => metadata.labels?.[SERVING_LABEL] !== undefined))
        await untilSelectorsSeen(state, view, context);
      await eachOf(pods, (pod) => cleanPod(state, pod, context));
      await cleanSets(state, input, context);
      return null;
    },
  };
}

async function putBackService(state: ClusterState, service: Service, context: StepContext): Promise<void> {
  const written = await fencedWrite<Service>({
    cluster: state.cluster,
    path: pathOf('services', state.namespace, service.metadata.name),
    known: service,
    fence: fenceOf(context),
    last: true,
    signal: context.signal,
    change: (now) => {
      if (!isHeldBy(now, context.runId)) return undefined;
      const before = fieldsBefore<HeldService>(now);
      if (!before) return letGoServiceOperations(now);
      return [
        { op: 'test', path: '/spec/selector', value: now.spec.selector },
        { op: 'replace', path: '/spec/selector', value: before.selector },
        ...letGoServiceOperations(now),
      ];
    },
  });
  state.saw('services', written);
}

/**
 * Pods of the workload, and of others behind its Services, with anything of a run on them: elsewhere in the namespace
 * another run may be under way. Those that are ending take it along; those behind a Service that still selects by it are
 * left to whoever holds that one: without the label they would get no traffic.
 */
async function marked(state: ClusterState, view: WorkloadView, { signal }: StepContext): Promise<Pod[]> {
  const { pods, services } = await state.all(signal);
  const own = new Set(view.pods.map(({ metadata }) => metadata.uid));
  const selectors = view.services.map(originalSelector);
  const narrowed = services.filter(isNarrowed).map(originalSelector);
  const isBehind = (some: Record<string, string>[], { metadata }: Pod) =>
    some.some((selector) => hasLabels(selector, metadata.labels ?? {}));
  return pods.filter(
    (pod) =>
      isAlive(pod) &&
      marks(pod).length > 0 &&
      (own.has(pod.metadata.uid) || isBehind(selectors, pod)) &&
      !isBehind(narrowed, pod),
  );
}

function marks({ metadata }: Pod): PatchOperation[] {
  const annotations = [OUT_SINCE_ANNOTATION, DELETION_COST_ANNOTATION].filter(
    (key) =>
      metadata.annotations?.[key] !== undefined && metadata.annotations?.[EPOCH_ANNOTATION] !== undefined,
  );
  return [
    ...(metadata.labels?.[SERVING_LABEL] === undefined
      ? []
      : [{ op: 'remove' as const, path: `/metadata/labels/${pointerPart(SERVING_LABEL)}` }]),
    ...annotations.map((key) => ({
      op: 'remove' as const,
      path: `/metadata/annotations/${pointerPart(key)}`,
    })),
  ];
}

async function cleanPod(state: ClusterState, pod: Pod, context: StepContext): Promise<void> {
  const written = await fencedWrite<Pod>({
    cluster: state.cluster,
    path: pathOf('pods', state.namespace, pod.metadata.name),
    known: pod,
    fence: fenceOf(context),
    last: true,
    signal: context.signal,
    change: (now) => {
      const operations = marks(now);
      return operations.length > 0 && isAlive(now) ? operations : undefined;
    },
  });
  state.saw('pods', written);
}

function refuseWhileOthersLive(view: WorkloadView, release: string): void {
  const others = view.pods.filter((pod) => isAlive(pod) && revisionOfPod(pod) !== release);
  if (others.length === 0) return;
  throw new RollbackError({
    code: 'PODS_STILL_RUN',
    summary: `${others.length} pods of another revision still run`,
    detail: `They are ${others.map(({ metadata }) => metadata.name).join(', ')}.`,
    retriable: true,
  });
}
