import { isNotFound } from '../../../kubernetes/api-error.ts';
import type { Cluster, Query } from '../../../kubernetes/cluster.ts';
import { type Mirror, mirror } from '../../../kubernetes/mirror.ts';
import type { KubernetesObject, Pod } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import { createTicks } from '../../../kubernetes/ticks.ts';
import { EXIT, RollbackError } from '../../../model/error.ts';
import { didYouMean } from '../../../model/suggest.ts';
import { type RouteAccess, routeAccess } from './canary/route-access.ts';
import type { Collections } from './collections.ts';
import { keptOfPod } from './kept-of-pod.ts';
import { viewOf } from './read-view.ts';
import { resourceOf, type WorkloadName, type WorkloadView, workloadText } from './view.ts';

type Resource = keyof Collections;

/** The workloads of a service as the cluster shows them now, each kind of object kept by one watch. */
export interface ClusterState {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** In the order of the configuration. @throws RollbackError `WORKLOAD_UNKNOWN` (exit 2), `PLATFORM_UNREACHABLE` */
  views(signal: AbortSignal): Promise<WorkloadView[]>;
  /** Of any workload in the namespace. */
  view(workload: WorkloadName, signal: AbortSignal): Promise<WorkloadView>;
  /** Everything that is watched. */
  all(signal: AbortSignal): Promise<Collections>;
  /** Every pod that is watched, whoever owns it. */
  pods(signal: AbortSignal): Promise<readonly Pod[]>;
  /** Whether HTTPRoutes are among what is watched. */
  routes(signal: AbortSignal): Promise<RouteAccess>;
  /** Takes in what a write answered. */
  saw(resource: Resource, object: KubernetesObject): void;
  /** Returns after the next change of anything, or after `atMostMs`. */
  change(atMostMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Changes in quick succession are told together, ms. */
const TOGETHER_MS = 25;

export function clusterState(cluster: Cluster, namespace: string, workloads: WorkloadName[]): ClusterState {
  const ticks = createTicks(TOGETHER_MS);
  const mirrors = new Map<Resource, Mirror<KubernetesObject>>();
  const resources = resourcesFor(workloads);
  const routes = routeAccess(cluster, namespace);
  for (const resource of resources) {
    const query = queryFor(resource, workloads);
    const keep = resource === 'pods' ? (object: KubernetesObject) => keptOfPod(object as Pod) : undefined;
    mirrors.set(
      resource,
      mirror({ cluster, path: pathOf(resource, namespace), query, keep, changed: ticks.tick }),
    );
  }

  /** Many steps look at once, and most looks find nothing changed: a view is put together once for each change. */
  const views = new Map<string, { of: Collections; view: WorkloadView | undefined }>();

  function viewIn(workload: WorkloadName, all: Collections): WorkloadView {
    const text = workloadText(workload);
    const known = views.get(text);
    const view = known && isSame(known.of, all) ? known.view : viewOf(workload, all);
    views.set(text, { of: all, view });
    return view ?? missing(workload, namespace, all);
  }

  async function read<R extends Resource>(resource: R, signal: AbortSignal): Promise<Collections[R]> {
    const kept = mirrors.get(resource);
    if (resource === 'httproutes' && kept && (await routes(signal)) !== 'there') return [] as never[];
    try {
      return (kept ? await kept.all(signal) : []) as Collections[R];
    } catch (error) {
      // Not installed there: then there is no Rollout either.
      if (resource === 'rollouts' && isNotFound(error)) return [] as never[];
      throw error;
    }
  }

  async function collections(signal: AbortSignal): Promise<Collections> {
    const all = await Promise.all(
      resources.map(async (resource) => [resource, await read(resource, signal)] as const),
    );
    return { ...EMPTY, ...Object.fromEntries(all) };
  }

  return {
    cluster,
    namespace,
    async views(signal) {
      const all = await collections(signal);
      return workloads.map((workload) => viewIn(workload, all));
    },
    async view(workload, signal) {
      const all = await collections(signal);
      return viewIn(workload, all);
    },
    all: collections,
    pods: (signal) => read('pods', signal),
    routes,
    saw: (resource, object) => mirrors.get(resource)?.saw(object),
    change: ticks.next,
    close() {
      for (const kept of mirrors.values()) kept.close();
    },
  };
}

const EMPTY: Collections = {
  deployments: [],
  statefulsets: [],
  daemonsets: [],
  rollouts: [],
  replicasets: [],
  controllerrevisions: [],
  pods: [],
  services: [],
  endpointslices: [],
  httproutes: [],
};

/** A collection that did not change is the same array. */
function isSame(a: Collections, b: Collections): boolean {
  return (Object.keys(a) as Resource[]).every((resource) => a[resource] === b[resource]);
}

function resourcesFor(workloads: WorkloadName[]): Resource[] {
  const kinds = new Set(workloads.map(({ kind }) => kind));
  const resources: Resource[] = ['pods', 'services', 'endpointslices'];
  if (kinds.has('deployment')) resources.push('deployments', 'httproutes');
  if (kinds.has('rollout')) resources.push('rollouts');
  if (kinds.has('deployment') || kinds.has('rollout')) resources.push('replicasets');
  if (kinds.has('statefulset')) resources.push('statefulsets');
  if (kinds.has('daemonset')) resources.push('daemonsets');
  if (kinds.has('statefulset') || kinds.has('daemonset')) resources.push('controllerrevisions');
  return resources;
}

/** One workload alone is watched by its name; Deployments all, since a canary or the other colour is one of them. */
function queryFor(resource: Resource, workloads: WorkloadName[]): Query {
  const [only] = workloads;
  if (workloads.length !== 1 || !only || resource === 'deployments') return {};
  if (resource !== resourceOf(only.kind)) return {};
  return { fieldSelector: `metadata.name=${only.name}` };
}

function missing(workload: WorkloadName, namespace: string, all: Collections): never {
  const there = {
    deployment: all.deployments,
    statefulset: all.statefulsets,
    daemonset: all.daemonsets,
    rollout: all.rollouts,
  };
  const names = Object.entries(there).flatMap(([kind, objects]) =>
    objects.map(({ metadata }) => `${kind}/${metadata.name}`),
  );
  const ofKind = there[workload.kind].map(({ metadata }) => metadata.name);
  const near = didYouMean(workload.name, ofKind);
  const see = `See what there is: kubectl get ${resourceOf(workload.kind)} --namespace ${namespace}`;
  throw new RollbackError({
    code: 'WORKLOAD_UNKNOWN',
    summary: `There is no ${workloadText(workload)} in namespace ${namespace}${near}`,
    // An unknown namespace is answered like an empty one.
    detail:
      names.length > 0
        ? `What was seen there: ${names.join(', ')}.`
        : 'Nothing of its kind was seen there; the namespace may not exist.',
    fix: names.length > 0 ? see : `${see}\nSee the namespaces: kubectl get namespaces`,
    exit: EXIT.usage,
  });
}
