import type { StepContext } from '../../../../engine/step.ts';
import { isNotFound, isPreconditionFailed } from '../../../../kubernetes/api-error.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { SERVING_LABEL } from '../../../../kubernetes/names.ts';
import type { Deployment, ReplicaSet, Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldsBefore, type HeldService } from '../held.ts';
import type { Revision, WorkloadView } from '../view.ts';
import { SERVING } from './hold-traffic.ts';
import { eachOf } from './workload-step.ts';

const LABEL = `/spec/template/metadata/labels/${pointerPart(SERVING_LABEL)}`;
const ATTEMPTS = 8;

/**
 * ReplicaSets whose pods shall be born serving and are not: those of revisions that the Deployment no longer makes and
 * that still have pods. None where no Service selects, or will select, by the serving label.
 */
export function unlabelledSets(view: WorkloadView, target: string): Revision[] {
  if (!view.services.some(isServedByLabel)) return [];
  return view.revisions.filter(
    ({ id, object, replicas }) =>
      object.resource === 'replicasets' && id !== target && (replicas ?? 0) > 0 && !object.serving,
  );
}

function isServedByLabel(service: Service): boolean {
  return (
    service.spec.selector?.[SERVING_LABEL] !== undefined || fieldsBefore<HeldService>(service)?.by === 'each'
  );
}

/**
 * Puts the serving label into the templates of ReplicaSets, so that a pod that replaces an evicted one serves like it,
 * also while no client is there to label it. The Deployment controller looks for the Deployment's template among them,
 * so a ReplicaSet is labelled only while the controller is known to have taken up another one.
 */
export async function labelSets(
  state: ClusterState,
  revisions: readonly Revision[],
  context: StepContext,
): Promise<void> {
  await eachOf(revisions, (revision) =>
    patchTemplate(state, revision, context, (label) =>
      label === SERVING ? undefined : { op: 'add', path: LABEL, value: SERVING },
    ),
  );
}

/** Takes the serving label out of the templates again. */
export async function unlabelSets(
  state: ClusterState,
  revisions: readonly Revision[],
  context: StepContext,
): Promise<void> {
  await eachOf(
    revisions.filter(({ object }) => object.serving),
    (revision) =>
      patchTemplate(state, revision, context, (label) =>
        label === undefined ? undefined : { op: 'remove', path: LABEL },
      ),
  );
}

/** Waits until the controller has acted on the workload as it is now, with the revision of its template there. */
export async function untilTakenUp(
  state: ClusterState,
  { workload }: WorkloadView,
  { signal }: StepContext,
): Promise<WorkloadView> {
  for (;;) {
    const view = await state.view(workload, signal);
    if (isTakenUp(view)) return view;
    await state.change(200, signal);
  }
}

/**
 * Whether the controller has acted on the workload as it is now. ControllerRevisions are numbered anew when they are taken
 * up, and watched apart from the workload's status, so the revision of its template has to be the last one, too.
 */
export function isTakenUp({ object, current, revisions }: WorkloadView): boolean {
  const { status, metadata } = object as Deployment;
  const isObserved = Number(status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const [last] = revisions;
  const isLast = last?.object.resource !== 'controllerrevisions' || last.id === current;
  return isObserved && current !== undefined && isLast;
}

/** What is written can be written twice, so it needs no fence; a ReplicaSet that is gone needs nothing. */
async function patchTemplate(
  state: ClusterState,
  { object: { name, uid } }: Revision,
  { signal }: StepContext,
  change: (label: string | undefined) => PatchOperation | undefined,
): Promise<void> {
  const { cluster, namespace } = state;
  const path = pathOf('replicasets', namespace, name);
  for (let attempts = 1; ; attempts++) {
    try {
      const { spec } = await cluster.get<ReplicaSet>(path, { signal });
      const operation = change(spec.template.metadata?.labels?.[SERVING_LABEL]);
      if (!operation) return;
      const test: PatchOperation = { op: 'test', path: '/metadata/uid', value: uid };
      state.saw('replicasets', await cluster.patch<ReplicaSet>(path, [test, operation], { signal }));
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isPreconditionFailed(error) || attempts === ATTEMPTS) throw error;
    }
  }
}
