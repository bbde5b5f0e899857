import { ApiError, isNotFound, isPreconditionFailed } from '../../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import { allReferences } from '../../../../kubernetes/config-references.ts';
import {
  CONFIGURATION_KINDS,
  type ConfigurationKind,
  configurationPath,
} from '../../../../kubernetes/configuration-objects.ts';
import { KIND_LABEL, SERVICE_LABEL } from '../../../../kubernetes/names.ts';
import type { KubernetesObject, Pod, PodTemplate } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Clock } from '../../../../model/clock.ts';
import type { WorkloadView } from '../view.ts';
import { COPY_KIND } from './copies.ts';
import { readSnapshots, type SnapshotStore } from './release-snapshot.ts';

/** Younger copies are left: another client may be about to name them. */
const YOUNG_MS = 10 * 60_000;

export interface PruneCopies {
  cluster: Cluster;
  namespace: string;
  service: string;
  /** Every workload of the service, for the revisions that could be gone back to. */
  views: WorkloadView[];
  store: SnapshotStore;
  clock: Clock;
  /** Default 10 min. */
  youngMs?: number;
  signal: AbortSignal;
}

export interface PrunedCopies {
  /** E.g. `ConfigMap/web-rda-1a2b3c4d`. */
  deleted: string[];
  /** Whether the right to delete copies of Secrets is missing. */
  secretsForbidden: boolean;
}

/**
 * Deletes the service's copies that no snapshot names and no pod template or pod of the namespace refers to. Not to be
 * called while a run holds the service. Copies of Secrets stay where the user has no right to list or delete Secrets.
 * @throws ApiError
 */
export async function pruneCopies(parts: PruneCopies): Promise<PrunedCopies> {
  const { cluster, namespace, service, clock, signal, youngMs = YOUNG_MS } = parts;
  const labelSelector = `${KIND_LABEL}=${COPY_KIND},${SERVICE_LABEL}=${service}`;
  const copies: { kind: ConfigurationKind; object: KubernetesObject }[] = [];
  let secretsForbidden = false;
  for (const kind of CONFIGURATION_KINDS) {
    try {
      const path = configurationPath(kind, namespace);
      const { items } = await cluster.list<KubernetesObject>(path, { query: { labelSelector }, signal });
      copies.push(...items.map((object) => ({ kind, object })));
    } catch (error) {
      if (!isForbidden(error, kind)) throw error;
      secretsForbidden = true;
    }
  }
  if (copies.length === 0) return { deleted: [], secretsForbidden };
  // After the copies were listed: what is referred to only now is of a copy that is not in the list, or young.
  const used = await inUse(parts);
  const deleted: string[] = [];
  for (const { kind, object } of copies) {
    const { name, uid, creationTimestamp } = object.metadata;
    const young = clock.now() - Date.parse(creationTimestamp) < youngMs;
    if (young || used.has(`${kind}/${name}`)) continue;
    try {
      const path = configurationPath(kind, namespace, name);
      await cluster.delete(path, { preconditions: { uid } }, { signal });
      deleted.push(`${kind}/${name}`);
    } catch (error) {
      if (isForbidden(error, kind)) secretsForbidden = true;
      // Another client was faster, or made it anew.
      else if (!isNotFound(error) && !isPreconditionFailed(error)) throw error;
    }
  }
  return { deleted: deleted.sort(), secretsForbidden };
}

/** The rights on Secrets are given apart from the others, and may be missing. */
function isForbidden(error: unknown, kind: ConfigurationKind): boolean {
  return kind === 'Secret' && error instanceof ApiError && error.status === 403;
}

const WITH_TEMPLATES = ['deployments', 'replicasets', 'statefulsets', 'daemonsets'];

async function inUse({
  cluster,
  namespace,
  service,
  views,
  store,
  signal,
}: PruneCopies): Promise<Set<string>> {
  const [snapshots, pods, ...workloads] = await Promise.all([
    readSnapshots(store, service),
    cluster.list<Pod>(pathOf('pods', namespace), { signal }),
    ...WITH_TEMPLATES.map((resource) =>
      cluster.list<KubernetesObject & { spec: { template: PodTemplate } }>(pathOf(resource, namespace), {
        signal,
      }),
    ),
  ]);
  const templates = [
    ...pods.items.map(({ spec }) => ({ spec })),
    ...workloads.flatMap(({ items }) => items.map(({ spec }) => spec.template)),
    ...views.flatMap(({ revisions }) => revisions.map(({ template }) => template)),
  ];
  const references = allReferences(templates);
  const recorded = Object.values(snapshots).flatMap(({ objects }) =>
    objects.filter(({ copy }) => copy !== undefined).map(({ kind, copy }) => `${kind}/${copy}`),
  );
  return new Set([
    ...recorded,
    ...references.configMaps.map(({ name }) => `ConfigMap/${name}`),
    ...references.secrets.map(({ name }) => `Secret/${name}`),
  ]);
}
