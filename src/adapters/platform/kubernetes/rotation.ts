import { OUT_SINCE_ANNOTATION } from '../../../kubernetes/names.ts';
import type { EndpointSlice, Pod } from '../../../kubernetes/objects.ts';
import { hasLabels, revisionOfPod } from './read-view.ts';
import type { WorkloadView } from './view.ts';

/** By view, which is put together anew for each change: its pods by revision, as `alivePods` gives them. */
const inOrder = new WeakMap<WorkloadView, Map<string, readonly Pod[]>>();

/** Pods of a revision that nobody has asked to end, in the order in which they serve: in rotation first, oldest first. */
export function alivePods(view: WorkloadView, revision: string): readonly Pod[] {
  const known = inOrder.get(view) ?? new Map<string, readonly Pod[]>();
  inOrder.set(view, known);
  let pods = known.get(revision);
  if (!pods) {
    const ranks = new Map(
      view.pods
        .filter((pod) => isAlive(pod) && revisionOfPod(pod) === revision)
        .map((pod) => [pod, serveRank(view, pod)]),
    );
    const rank = (pod: Pod) => ranks.get(pod) ?? 0;
    pods = [...ranks.keys()].sort((a, b) => rank(b) - rank(a) || byAge(a, b));
    known.set(revision, pods);
  }
  return pods;
}

export function isAlive({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined && status.phase !== 'Failed' && status.phase !== 'Succeeded'
  );
}

export function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

/**
 * Whether every Service sends it requests as far as it is asked to: it has the labels they select by. A workload that
 * no Service selects is in rotation while it was not taken out.
 */
export function isInRotation(view: WorkloadView, pod: Pod): boolean {
  if (view.services.length === 0) return !isTakenOut(pod);
  return view.services.some(({ spec }) => hasLabels(spec.selector ?? {}, pod.metadata.labels ?? {}));
}

/** Whether a run took it out of rotation by its own. */
export function isTakenOut({ metadata }: Pod): boolean {
  return metadata.annotations?.[OUT_SINCE_ANNOTATION] !== undefined;
}

/** Whether the EndpointSlices of every Service that selects it list it as ready: nodes have been told to send to it. */
export function isListed(view: WorkloadView, pod: Pod): boolean {
  return view.services.every(({ metadata }) => endpointOf(view, metadata.name, pod)?.ready ?? false);
}

/** Whether no EndpointSlice lists it as ready or serving any more. */
export function isUnlisted(view: WorkloadView, pod: Pod): boolean {
  return view.services.every(({ metadata }) => {
    const endpoint = endpointOf(view, metadata.name, pod);
    return !endpoint || !(endpoint.ready || endpoint.serving);
  });
}

interface Listed {
  ready: boolean;
  serving: boolean;
}

/** Endpoints by uid of the pod. A slice that did not change is the same object, and there are many more views. */
const listings = new WeakMap<EndpointSlice, Map<string, Listed>>();

function endpointOf(view: WorkloadView, service: string, pod: Pod): Listed | undefined {
  for (const slice of view.slices) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service) continue;
    const listed = listingOf(slice).get(pod.metadata.uid);
    if (listed) return listed;
  }
  return undefined;
}

function listingOf(slice: EndpointSlice): Map<string, Listed> {
  let listed = listings.get(slice);
  if (!listed) {
    listed = new Map();
    for (const { targetRef, conditions } of slice.endpoints ?? []) {
      const uid = targetRef?.uid;
      if (uid === undefined || listed.has(uid)) continue;
      // An unknown readiness counts as ready (Kubernetes API, EndpointConditions).
      listed.set(uid, { ready: conditions?.ready ?? true, serving: conditions?.serving ?? true });
    }
    listings.set(slice, listed);
  }
  return listed;
}

function serveRank(view: WorkloadView, pod: Pod): number {
  return (isInRotation(view, pod) ? 2 : 0) + (isReady(pod) ? 1 : 0);
}

function byAge(a: Pod, b: Pod): number {
  return (
    inText(a.metadata.creationTimestamp, b.metadata.creationTimestamp) ||
    inText(a.metadata.name, b.metadata.name)
  );
}

function inText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
