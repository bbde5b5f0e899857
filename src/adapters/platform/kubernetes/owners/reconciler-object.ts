import { ApiError, isNotFound } from '../../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import type { Condition, KubernetesObject } from '../../../../kubernetes/objects.ts';
import type { ReconcilerName } from './owner.ts';

/** The parts of an Argo CD Application that are read here (argoproj.io/v1alpha1). */
export interface Application extends KubernetesObject {
  spec: {
    source?: { repoURL: string; path?: string; targetRevision?: string };
    syncPolicy?: { automated?: { enabled?: boolean; [field: string]: unknown }; [field: string]: unknown };
  };
  operation?: unknown;
  status?: {
    sync?: { status?: string; revision?: string };
    operationState?: { phase?: string };
    reconciledAt?: string;
    resources?: { kind: string; namespace?: string; name: string; status?: string }[];
    history?: { revision?: string; deployedAt?: string }[];
  };
}

/** The parts of a Flux Kustomization or HelmRelease that are read here. */
export interface FluxObject extends KubernetesObject {
  spec: {
    suspend?: boolean;
    path?: string;
    sourceRef?: { kind: string; name: string; namespace?: string };
  };
  status?: { lastAppliedRevision?: string; lastAttemptedRevision?: string; conditions?: Condition[] };
}

interface ApiGroup {
  preferredVersion: { groupVersion: string };
}

const RESOURCES = {
  'argo-cd': { group: 'argoproj.io', resource: 'applications', version: 'v1alpha1' },
  'flux-kustomization': { group: 'kustomize.toolkit.fluxcd.io', resource: 'kustomizations' },
  'flux-helm-release': { group: 'helm.toolkit.fluxcd.io', resource: 'helmreleases' },
} as const;

/** Resource and API group, as access reviews name them. */
export function resourceOfReconciler(kind: ReconcilerName['kind']): { group: string; resource: string } {
  const { group, resource } = RESOURCES[kind];
  return { group, resource };
}

/**
 * The API path of a reconciler's object, in the version that the cluster prefers.
 * @throws ApiError; `KUBERNETES_NOT_FOUND` where the cluster does not know the kind
 */
export async function reconcilerPath(
  cluster: Cluster,
  { kind, namespace, name }: ReconcilerName,
  signal: AbortSignal,
): Promise<string> {
  const base = await collectionPath(cluster, kind, namespace, signal);
  return `${base}/${encodeURIComponent(name)}`;
}

/** @param namespace undefined for all of the cluster */
async function collectionPath(
  cluster: Cluster,
  kind: ReconcilerName['kind'],
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const known = RESOURCES[kind];
  const version =
    'version' in known ? `${known.group}/${known.version}` : await preferred(cluster, known.group, signal);
  const place = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${version}${place}/${known.resource}`;
}

/**
 * Finds the application by its name: in the whole cluster where that may be listed, else in `argocd`.
 * @returns undefined where there is none, or several of the name
 */
export async function findApplication(
  cluster: Cluster,
  { name, namespace }: { name: string; namespace: string | undefined },
  signal: AbortSignal,
): Promise<Application | undefined> {
  const own = async (place: string) => {
    try {
      return await cluster.get<Application>(
        await reconcilerPath(cluster, { kind: 'argo-cd', namespace: place, name }, signal),
        { signal },
      );
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  if (namespace !== undefined) return own(namespace);
  try {
    const all = await collectionPath(cluster, 'argo-cd', undefined, signal);
    const fieldSelector = `metadata.name=${name}`;
    const { items } = await cluster.list<Application>(all, { query: { fieldSelector }, signal });
    return items.length === 1 ? items[0] : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (!(error instanceof ApiError && error.status === 403)) throw error;
    return own('argocd');
  }
}

/** Whether it would write the workloads now. */
export function isActive(kind: ReconcilerName['kind'], object: KubernetesObject): boolean {
  if (kind !== 'argo-cd') return (object as FluxObject).spec.suspend !== true;
  const automated = (object as Application).spec.syncPolicy?.automated;
  return automated !== undefined && automated !== null && automated.enabled !== false;
}

/** What it is at now; undefined where it is idle. */
export function busyWith(kind: ReconcilerName['kind'], object: KubernetesObject): string | undefined {
  if (kind === 'argo-cd') {
    const { operation, status } = object as Application;
    const isBusy = operation !== undefined || status?.operationState?.phase === 'Running';
    return isBusy ? 'a sync is running' : undefined;
  }
  const conditions = (object as FluxObject).status?.conditions ?? [];
  const now = conditions.find(({ type, status }) => type === 'Reconciling' && status === 'True');
  // With health checks or a retry ahead everything is applied already, or will not be while it is suspended.
  if (now?.reason !== 'Progressing' || /health check/i.test(now.message ?? '')) return undefined;
  return now.message ?? 'it reconciles';
}

async function preferred(cluster: Cluster, group: string, signal: AbortSignal): Promise<string> {
  const { preferredVersion } = await cluster.get<ApiGroup>(`/apis/${group}`, { signal });
  return preferredVersion.groupVersion;
}
