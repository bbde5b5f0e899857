import { RUN_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import type { PlatformFacts } from '../../../../model/facts.ts';
import type { Collections } from '../collections.ts';
import { instanceOf } from '../facts.ts';
import { type OwnCanary, ownFacts } from '../own-facts.ts';
import { revisionOfPod } from '../read-view.ts';
import { desiredOf, releaseOf } from '../release-of.ts';
import { alivePods } from '../rotation.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import type { SplitRoute } from './weights.ts';

/** The facts of the stable workloads with the canary beside them: its releases, its pods in slots above theirs. Pure. */
export function withCanary(
  facts: PlatformFacts,
  view: WorkloadView,
  { all, routes, nowMs }: { all: Collections; routes: SplitRoute[]; nowMs: number },
): PlatformFacts {
  const { current, workload } = view;
  if (current === undefined) return facts;
  const there = view.revisions.filter(({ id }) => id === current || alivePods(view, id).length > 0);
  const revisions: Record<string, string> = {};
  const ids = new Map<string, string>();
  for (const { id } of there) {
    const release = `${workload.name}:${id}`;
    revisions[release] = id;
    ids.set(id, release);
  }
  const offset = facts.desired;
  const pods = there.flatMap(({ id }) => alivePods(view, id));
  const replicas = desiredOf(view);
  const shared = all.httproutes.filter(({ metadata }) => routes.some(({ name }) => name === metadata.name));
  const canary: OwnCanary = {
    workload: workloadText(workload),
    offset,
    replicas,
    current,
    revisions,
    routes,
    held: [view.object, ...shared].some(isMarked),
  };
  const releases = there.map((revision) => ({
    ...releaseOf(view, revision, undefined, nowMs),
    id: ids.get(revision.id) as string,
  }));
  return {
    ...facts,
    canary: replicas > 0 || pods.length > 0 || hasWeight(canary) ? ids.get(current) : undefined,
    releases: [...releases, ...facts.releases],
    instances: [
      ...facts.instances,
      ...pods.map((pod, i) => ({
        ...instanceOf(view, pod, offset + i + 1, ids),
        release: ids.get(revisionOfPod(pod)) as string,
      })),
    ],
    own: { ...ownFacts(facts), canary },
  };
}

function isMarked({ metadata }: KubernetesObject): boolean {
  return metadata.annotations?.[RUN_ANNOTATION] !== undefined;
}

/** Whether a gateway sends it anything. */
export function hasWeight({ routes }: OwnCanary): boolean {
  return routes.some(({ rules }) => rules.some(({ canary }) => canary.weight > 0));
}

/** The same facts without the canary: what the stable workloads are moved by. */
export function withoutCanary(facts: PlatformFacts): PlatformFacts {
  const { canary } = ownFacts(facts);
  if (!canary) return facts;
  const stable = ({ instances }: Pick<PlatformFacts, 'instances'>) =>
    instances.filter(({ release }) => !(release in canary.revisions));
  const parts = facts.parts?.map((part) => ({ ...part, instances: stable(part) }));
  return { ...facts, instances: stable(facts), ...(parts && { parts }) };
}
