import type { Pod, StatefulSet } from '../../../kubernetes/objects.ts';
import { isAlive, isInRotation, isReady } from './rotation.ts';
import type { WorkloadView } from './view.ts';

/**
 * Where a pod is that only one at a time can be: a StatefulSet's pod has its name, a DaemonSet's its node. A
 * replacement comes to the same place once the pod before has ended. undefined for a pod not yet meant for a node.
 */
export function placeOf({ workload }: WorkloadView, { metadata, spec }: Pod): string | undefined {
  return workload.kind === 'daemonset' ? (spec.nodeName ?? intendedNode(spec)) : metadata.name;
}

/**
 * The places of a workload by slot, in the order in which they are taken back; null where a pod is missing and its
 * place is not known. Those that do not serve come first, lowest first: a StatefulSet that starts its pods in order
 * starts none above one that is not ready. Those that serve follow, from the highest ordinal down.
 */
export function placesOf(view: WorkloadView, desired: number): (string | null)[] {
  const alive = view.pods.filter(isAlive);
  const expected = view.workload.kind === 'statefulset' ? ordinalNames(view.object as StatefulSet) : [];
  const taken = alive.map((pod) => placeOf(view, pod)).filter((place) => place !== undefined);
  const known = [...new Set([...expected, ...taken.sort(byNumber)])];
  const rank = (place: string): number => {
    const pods = alive.filter((pod) => placeOf(view, pod) === place);
    if (!pods.some(isReady)) return 0;
    return pods.some((pod) => isReady(pod) && isInRotation(view, pod)) ? 2 : 1;
  };
  const ranked = (wanted: number) => known.filter((place) => rank(place) === wanted);
  const unknown = Array.from({ length: Math.max(0, desired - known.length) }, () => null);
  return [...ranked(0), ...unknown, ...ranked(1).reverse(), ...ranked(2).reverse()];
}

/** Those of a StatefulSet's places that it no longer has, because somebody scaled it down. */
export function placesGone({ workload, object }: WorkloadView, places: string[]): string[] {
  if (workload.kind !== 'statefulset') return [];
  const names = ordinalNames(object as StatefulSet);
  return places.filter((place) => !names.includes(place));
}

function ordinalNames({ metadata, spec }: StatefulSet): string[] {
  const start = spec.ordinals?.start ?? 0;
  return Array.from({ length: spec.replicas ?? 1 }, (_, i) => `${metadata.name}-${start + i}`);
}

/** `api-10` after `api-9`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** The DaemonSet controller says it by an affinity before the scheduler binds the pod (DaemonSet, "How daemon pods are scheduled"). */
function intendedNode({ affinity }: Pod['spec']): string | undefined {
  const terms = (affinity as NodeAffinity | undefined)?.nodeAffinity
    ?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms
    ?.flatMap(({ matchFields }) => matchFields ?? [])
    .find(({ key }) => key === 'metadata.name')
    ?.values?.at(0);
}

interface NodeAffinity {
  nodeAffinity?: {
    requiredDuringSchedulingIgnoredDuringExecution?: {
      nodeSelectorTerms?: { matchFields?: { key: string; values?: string[] }[] }[];
    };
  };
}
