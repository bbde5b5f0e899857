import type { StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import {
  BEFORE_ANNOTATION,
  EPOCH_ANNOTATION,
  RUN_ANNOTATION,
  SCALED_FROM_ANNOTATION,
} from '../../../../kubernetes/names.ts';
import type { Deployment, ReplicaSet } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { HELD_MIN_READY_S } from '../held.ts';
import type { WorkloadView } from '../view.ts';
import { unlabelSets } from './serving-template.ts';
import { eachOf, fenceOf, type WorkloadInput, workloadOf } from './workload-step.ts';

/**
 * Takes off ReplicaSets what a run left there: the controller copies a Deployment's annotations to the one that it makes
 * pods with, and "kubectl rollout undo" copies them back.
 */
export async function cleanSets(
  state: ClusterState,
  input: WorkloadInput,
  context: StepContext,
): Promise<void> {
  const { signal } = context;
  let view = await state.view(workloadOf(input), signal);
  // Until it has seen the Deployment without them it copies them again.
  while (!isObserved(view)) {
    await state.change(500, signal);
    view = await state.view(workloadOf(input), signal);
  }
  await unlabelSets(state, view.revisions, context);
  await eachOf(markedSets(view), async ({ object }) => {
    const written = await fencedWrite<ReplicaSet>({
      cluster: state.cluster,
      path: pathOf('replicasets', state.namespace, object.name),
      fence: fenceOf(context),
      last: true,
      signal,
      change: ({ metadata, spec }) => {
        const keys = runAnnotations(metadata.annotations);
        const held = spec.minReadySeconds === HELD_MIN_READY_S;
        if (keys.length === 0 && !held) return undefined;
        return [
          ...(held ? [availabilityAs(view.object as Deployment)] : []),
          // That one goes with the last write of a run anyway.
          ...keys
            .filter((key) => key !== EPOCH_ANNOTATION)
            .map((key) => ({ op: 'remove' as const, path: `/metadata/annotations/${pointerPart(key)}` })),
        ];
      },
    });
    state.saw('replicasets', written);
  });
}

function availabilityAs({ spec }: Deployment): PatchOperation {
  const path = '/spec/minReadySeconds';
  if (spec.minReadySeconds === undefined) return { op: 'remove', path };
  return { op: 'add', path, value: spec.minReadySeconds };
}

function isObserved({ object }: WorkloadView): boolean {
  const { metadata, status } = object as Deployment;
  return Number(status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** ReplicaSets with anything of a run on them. */
export function markedSets({ revisions }: WorkloadView): WorkloadView['revisions'] {
  return revisions.filter(
    ({ object }) =>
      object.resource === 'replicasets' &&
      (object.serving ||
        object.minReadySeconds === HELD_MIN_READY_S ||
        runAnnotations(object.annotations).length > 0),
  );
}

function runAnnotations(annotations: Record<string, string> | undefined): string[] {
  return [RUN_ANNOTATION, BEFORE_ANNOTATION, EPOCH_ANNOTATION, SCALED_FROM_ANNOTATION].filter(
    (key) => annotations?.[key] !== undefined,
  );
}
