import type { Pod } from '../../../kubernetes/objects.ts';
import type { Instance, InstanceState, PartFacts, PlatformFacts } from '../../../model/facts.ts';
import { hasMarks } from './leftovers.ts';
import { isBeside, modeOf } from './mode.ts';
import type { OwnFacts, OwnWorkload } from './own-facts.ts';
import { placeOf, placesOf } from './places.ts';
import type { Claims } from './preflight/downtime.ts';
import { revisionOfPod } from './read-view.ts';
import { desiredOf, releaseOf, type SeenRevision } from './release-of.ts';
import { alivePods, isAlive, isInRotation, isReady, isTakenOut } from './rotation.ts';
import { type WorkloadView, workloadText } from './view.ts';

export const NOUN = { one: 'pod', many: 'pods' };

export interface FactsInput {
  service: string;
  namespace: string;
  views: WorkloadView[];
  /** By revision of the first workload. */
  seen: Record<string, SeenRevision>;
  /** Whether several workloads are moved at the same time. */
  together: boolean;
  /** Declared so: it must not run twice. */
  singleton: boolean;
  /** Of the Deployments' volumes. */
  claims: Claims;
  nowMs: number;
}

/** The first workload's revisions are the releases; those of others belong to a release by their version. Pure. */
export function factsOf(input: FactsInput): PlatformFacts {
  const { service, namespace, views, together } = input;
  const all = views.map((view) => workloadFacts(view, input));
  const [main] = all as [WorkloadFacts];
  const { own: _, ...first } = main;
  const facts: PlatformFacts = {
    service,
    platform: 'kubernetes',
    target: `kubernetes/${namespace}/${main.own.workload}`,
    noun: NOUN,
    canary: undefined,
    ...first,
    own: { workloads: all.map(({ own }) => own) } satisfies OwnFacts,
  };
  if (all.length === 1) return facts;
  const parts = all.map(
    ({ own, ...part }): PartFacts => ({ name: own.workload, ids: idsOf(part, main), ...part }),
  );
  return {
    ...facts,
    instances: parts.flatMap(inService),
    desired: parts.reduce((sum, { desired }) => sum + desired, 0),
    parts,
    together,
  };
}

type WorkloadFacts = Omit<PartFacts, 'name' | 'ids'> & { own: OwnWorkload };

/** One workload as if it were the whole service. */
function workloadFacts(
  view: WorkloadView,
  { views, seen, singleton, claims, nowMs }: FactsInput,
): WorkloadFacts {
  const desired = desiredOf(view);
  const mode = modeOf(view, singleton, claims);
  const places = mode === 'delete' ? placesOf(view, desired) : undefined;
  const evidence = view === views[0] ? seen : {};
  return {
    current: view.current,
    releases: view.revisions.map((revision) => releaseOf(view, revision, evidence[revision.id], nowMs)),
    instances: places ? instancesAt(view, places) : instancesOf(view, desired),
    desired,
    surge: isBeside(mode),
    ...(mode === 'recreate' && { allAtOnce: true }),
    own: {
      workload: workloadText(view.workload),
      replicas: desired,
      current: view.current,
      revisions: Object.fromEntries(view.revisions.map(({ id, template }) => [id, { id, template }])),
      hasServices: view.services.length > 0,
      mode,
      marked: hasMarks(view),
      ...(places && { places }),
    },
  };
}

/** Its revision in each release of the service: its own, else the newest one of the same version. */
function idsOf({ releases }: Pick<PartFacts, 'releases'>, main: WorkloadFacts): Record<string, string> {
  const own = releases === main.releases;
  return Object.fromEntries(
    main.releases.flatMap(({ id, version }) => {
      const same = own ? id : releases.find((release) => release.version === version)?.id;
      return same === undefined ? [] : [[id, same]];
    }),
  );
}

/** Its pods with the releases of the service; a revision that belongs to several counts as the newest. */
function inService({ name, ids, instances }: PartFacts): Instance[] {
  return instances.map((instance) => ({
    ...instance,
    release: Object.entries(ids).find(([, id]) => id === instance.release)?.[0] ?? instance.release,
    part: name,
  }));
}

/**
 * Pods of the revision that the template makes count from the first slot on, those that serve first. The others fill the
 * slots up to the last, those that do not serve first: so slot after slot the old ones leave and the new ones come.
 */
function instancesOf(view: WorkloadView, replicas: number): Instance[] {
  const revisions = [...new Set(view.pods.map(revisionOfPod))];
  const instances: Instance[] = [];
  const current = view.current === undefined ? [] : [...alivePods(view, view.current)].sort(takenOutFirst);
  for (const [i, pod] of current.entries()) instances.push(instanceOf(view, pod, i + 1));
  for (const revision of revisions) {
    if (revision === view.current) continue;
    const pods = [...alivePods(view, revision)].reverse();
    const first = Math.max(1, replicas - pods.length + 1);
    for (const [i, pod] of pods.entries()) instances.push(instanceOf(view, pod, first + i));
  }
  return instances;
}

/** Each pod in the slot of its place. */
function instancesAt(view: WorkloadView, places: (string | null)[]): Instance[] {
  return view.pods.filter(isAlive).flatMap((pod) => {
    const place = places.indexOf(placeOf(view, pod) ?? null);
    return place < 0 ? [] : [instanceOf(view, pod, place + 1)];
  });
}

/** A pod that a run took out leaves next, so it keeps the lowest slot. */
function takenOutFirst(a: Pod, b: Pod): number {
  return Number(isTakenOut(b)) - Number(isTakenOut(a));
}

/**
 * A pod as the instance in a slot.
 * @param releaseIds release by revision; a revision that is not in it is a release by itself
 */
export function instanceOf(
  view: WorkloadView,
  pod: Pod,
  slot: number,
  releaseIds: ReadonlyMap<string, string> = new Map(),
): Instance {
  const revision = revisionOfPod(pod);
  const inRotation = isInRotation(view, pod);
  return {
    id: pod.metadata.name,
    slot,
    release: releaseIds.get(revision) ?? revision,
    state: stateOf(pod, inRotation),
    inRotation,
    inFlight: undefined,
    warmUntil: undefined,
  };
}

function stateOf(pod: Pod, inRotation: boolean): InstanceState {
  const crashing = pod.status.containerStatuses?.some(
    ({ state }) => state?.waiting?.reason === 'CrashLoopBackOff' || state?.terminated !== undefined,
  );
  if (crashing) return 'crashed';
  if (isReady(pod)) {
    return !inRotation && isTakenOut(pod) ? 'drained' : 'ready';
  }
  const restarted = pod.status.containerStatuses?.some(({ restartCount }) => restartCount > 0);
  return restarted ? 'unready' : 'starting';
}
