import type { StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import { HASH_LABEL, SERVING_LABEL } from '../../../../kubernetes/names.ts';
import type { Pod, Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldsBefore, type HeldService, isHeldBy } from '../held.ts';
import { hasLabels, originalSelector } from '../read-view.ts';
import { desiredOf } from '../release-of.ts';
import { alivePods, isAlive, isInRotation, isReady } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { isNarrowed, labelPods, SERVING } from './hold-traffic.ts';
import { untilLabelsSeen } from './labels-seen.ts';
import { type CountInput, eachOf, fenceOf, podsOf } from './workload-step.ts';

const HASH = `/spec/selector/${pointerPart(HASH_LABEL)}`;
const LABEL = `/spec/selector/${pointerPart(SERVING_LABEL)}`;

/**
 * Before the first pod comes or goes: Services that were held by the revision that served go over to the label of single
 * pods. Does nothing where they select by it already, or all traffic goes over in one change.
 * @param view by which that was decided
 * @param comingIn pods that come into rotation with that change
 * @param goingOut pods that leave with it; default none: nothing changes for traffic
 * @returns whether it did
 */
export async function sendByLabel(
  state: ClusterState,
  { services }: WorkloadView,
  context: StepContext,
  comingIn: readonly Pod[] = [],
  goingOut: readonly Pod[] = [],
): Promise<boolean> {
  const { signal } = context;
  const held = services.filter(isHeldByRevision);
  if (held.length === 0) return false;
  // A pod that was born since serves like the others.
  const selectors = held.map(({ spec }) => spec.selector ?? {});
  const leaving = new Set(goingOut.map(({ metadata }) => metadata.uid));
  const serving = async () =>
    (await state.pods(signal)).filter(
      (pod) =>
        isAlive(pod) &&
        !leaving.has(pod.metadata.uid) &&
        selectors.some((selector) => hasLabels(selector, pod.metadata.labels ?? {})),
    );
  await labelPods(state, [...(await serving()), ...comingIn], context);
  await untilLabelsSeen(state, context);
  await pointServices(state, held, context, (now, seen) =>
    // A step beside this one may have sent them to another revision meanwhile.
    isHeldByRevision(now) && now.spec.selector?.[HASH_LABEL] === seen.spec.selector?.[HASH_LABEL]
      ? [
          { op: 'remove', path: HASH },
          { op: 'add', path: LABEL, value: SERVING },
        ]
      : undefined,
  );
  await labelPods(state, await serving(), context);
  return true;
}

/**
 * Where all pods that shall serve in the end are there: Services go over to them by the label of their revision, which
 * they have had since they were born. In one change the last of them come into rotation, and whatever is left of others
 * leaves it.
 * @returns whether it was done; else pods come and go by their own label
 */
export async function sendByRevision(
  state: ClusterState,
  input: CountInput,
  view: WorkloadView,
  context: StepContext,
): Promise<boolean> {
  if (!areAllThere(view, input) || !view.services.every((service) => isHeldByEach(service, context.runId)))
    return false;
  // Somebody else's pods behind a Service have another revision.
  const own = new Set(view.pods.map(({ metadata }) => metadata.uid));
  const originals = view.services.map(originalSelector);
  const others = (await state.pods(context.signal)).filter(
    (pod) => isAlive(pod) && originals.some((selector) => hasLabels(selector, pod.metadata.labels ?? {})),
  );
  if (!others.every(({ metadata }) => own.has(metadata.uid))) return false;
  await pointServices(state, view.services, context, (now) => {
    const { selector = {} } = now.spec;
    if (!isHeldByEach(now, context.runId) || isSentTo(now, input.release)) return undefined;
    return [
      ...(selector[SERVING_LABEL] === undefined ? [] : [{ op: 'remove' as const, path: LABEL }]),
      { op: 'add', path: HASH, value: input.release },
    ];
  });
  return true;
}

/** Pods of other revisions that leave rotation for those that come in: what is beyond the count that shall serve. */
export function replacedBy(view: WorkloadView, input: CountInput, comingIn: readonly Pod[]): Pod[] {
  const inside = podsOf(view, input).filter((pod) => isReady(pod) && isInRotation(view, pod));
  const stays = Math.max(0, desiredOf(view) - inside.length - comingIn.length);
  return view.revisions
    .filter(({ id }) => id !== input.release)
    .flatMap(({ id }) => podsOf(view, { ...input, release: id }))
    .filter((pod) => isInRotation(view, pod))
    .slice(stays);
}

/** All that the workload is asked for, ready, and none beside them that was not looked at yet. */
function areAllThere(view: WorkloadView, { release, count, places }: CountInput): boolean {
  if (view.workload.kind !== 'deployment' || view.services.length === 0 || places) return false;
  const pods = alivePods(view, release);
  return pods.length === count && count >= desiredOf(view) && pods.every(isReady);
}

async function pointServices(
  state: ClusterState,
  services: readonly Service[],
  context: StepContext,
  change: (now: Service, seen: Service) => PatchOperation[] | undefined,
): Promise<void> {
  await eachOf(services, async (service) => {
    const written = await fencedWrite<Service>({
      cluster: state.cluster,
      path: pathOf('services', state.namespace, service.metadata.name),
      known: service,
      fence: fenceOf(context),
      signal: context.signal,
      change: (now) => {
        const operations = change(now, service);
        return (
          operations && [{ op: 'test', path: '/spec/selector', value: now.spec.selector }, ...operations]
        );
      },
    });
    state.saw('services', written);
  });
}

function isHeldByRevision(service: Service): boolean {
  return (
    service.spec.selector?.[HASH_LABEL] !== undefined && fieldsBefore<HeldService>(service)?.by === 'each'
  );
}

function isHeldByEach(service: Service, runId: string): boolean {
  return isHeldBy(service, runId) && isNarrowed(service) && fieldsBefore<HeldService>(service)?.by === 'each';
}

function isSentTo({ spec }: Service, revision: string): boolean {
  return spec.selector?.[HASH_LABEL] === revision && spec.selector[SERVING_LABEL] === undefined;
}
