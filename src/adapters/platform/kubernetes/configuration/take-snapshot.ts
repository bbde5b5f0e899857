import type { Cluster } from '../../../../kubernetes/cluster.ts';
import { configReferences } from '../../../../kubernetes/config-references.ts';
import {
  type ConfigMap,
  type ReadObject,
  readObjects,
} from '../../../../kubernetes/configuration-objects.ts';
import { fingerprintKey, passingKey } from '../../../../kubernetes/fingerprint-key.ts';
import { inGroups } from '../../../../kubernetes/in-groups.ts';
import type { DaemonSet, Deployment, Pod, Rollout, StatefulSet } from '../../../../kubernetes/objects.ts';
import { type Clock, isoTime } from '../../../../model/clock.ts';
import { RollbackError } from '../../../../model/error.ts';
import { revisionOfPod } from '../read-view.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { type CopyPlace, copyName, ensureCopy, isCopy, sameKeys } from './copies.ts';
import {
  changeSnapshots,
  type RecordedObject,
  type ReleaseSnapshot,
  readSnapshots,
  type SnapshotStore,
} from './release-snapshot.ts';

/** Releases of a workload whose snapshots are kept. */
export const SNAPSHOTS_KEPT = 10;

export interface TakeSnapshot {
  cluster: Cluster;
  namespace: string;
  service: string;
  /** Of the moment: what runs now is recorded. */
  view: WorkloadView;
  store: SnapshotStore;
  /** Names of Secrets that are copied; of others only fingerprints are kept. */
  copySecrets: string[];
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Records what the release that a workload runs is configured with: copies first, then the document that names them,
 * so that being cut off leaves copies without a document at worst. What was recorded while all of its pods were
 * available is not replaced while they are not: a rollout in progress, or a failing release, proves nothing.
 * @throws RollbackError `RELEASE_UNKNOWN` (retriable) where the controller has not seen the template yet; ApiError
 */
export async function takeSnapshot(parts: TakeSnapshot): Promise<ReleaseSnapshot> {
  const { cluster, namespace, service, view, store, copySecrets, clock, signal } = parts;
  const revision = view.revisions.find(({ id }) => id === view.current);
  if (!revision) throw unknownRelease(view);
  const references = configReferences(revision.template);
  const key =
    references.secrets.length > 0
      ? await fingerprintKey(cluster, namespace, { make: true, signal })
      : passingKey();
  const read = await readObjects({ cluster, namespace, references, key, signal });
  const known = (await readSnapshots(store, service))[revision.id];
  const place: CopyPlace = { cluster, namespace, service, key, signal };
  const available = isAvailable(view);
  const snapshot: ReleaseSnapshot = {
    workload: workloadText(view.workload),
    revision: revision.id,
    takenAt: isoTime(clock),
    images: imagesOf(view.pods, revision.id),
    objects: [],
    keyId: key.id,
  };
  const availableAt = known?.availableAt ?? (available ? snapshot.takenAt : undefined);
  if (availableAt !== undefined) snapshot.availableAt = availableAt;
  const keep = known?.availableAt !== undefined && !available;
  const recordAll = () => inGroups(read, (one) => record(place, one, known, copySecrets));
  snapshot.objects = keep ? known.objects : await recordAll();
  if (keep) snapshot.keyId = known.keyId;
  await changeSnapshots(store, service, (releases) => kept({ ...releases, [revision.id]: snapshot }));
  // A copy that was there before may have been pruned until the document named it.
  if (!keep) await recordAll();
  return snapshot;
}

async function record(
  place: CopyPlace,
  { object, digest }: ReadObject,
  known: ReleaseSnapshot | undefined,
  copySecrets: string[],
): Promise<RecordedObject> {
  const { kind, name, keys } = digest;
  if (!object) return digest;
  if (isCopy(object)) return { ...digest, copy: name };
  if (kind === 'Secret' && !copySecrets.includes(name)) {
    const before = known?.objects.find((one) => one.kind === kind && one.name === name);
    const same = before && known?.keyId === place.key.id && sameKeys(before.keys, keys);
    return same && before.copy !== undefined ? { ...digest, copy: before.copy } : digest;
  }
  const { data, binaryData } = object as ConfigMap;
  const copy = copyName(place, kind, name, { data, binaryData });
  await ensureCopy(place, { kind, name: copy, of: name, keys }, { data, binaryData });
  return { ...digest, copy };
}

/** Without the oldest of each workload. */
function kept(releases: Record<string, ReleaseSnapshot>): Record<string, ReleaseSnapshot> {
  const newestFirst = Object.entries(releases).sort(([, a], [, b]) => (a.takenAt < b.takenAt ? 1 : -1));
  const counts = new Map<string, number>();
  const rest = newestFirst.filter(([, { workload }]) => {
    const count = (counts.get(workload) ?? 0) + 1;
    counts.set(workload, count);
    return count <= SNAPSHOTS_KEPT;
  });
  return Object.fromEntries(rest);
}

/** Distinct, sorted, by container. */
function imagesOf(pods: readonly Pod[], revision: string): Record<string, string[]> {
  const images: Record<string, string[]> = {};
  for (const pod of pods) {
    if (revisionOfPod(pod) !== revision) continue;
    for (const { name, imageID } of pod.status.containerStatuses ?? []) {
      if (imageID === '') continue;
      images[name] = [...new Set([...(images[name] ?? []), imageID])].sort();
    }
  }
  return images;
}

/** All pods that are asked for are of the current revision and available, and there is at least one. */
function isAvailable({ workload, object, current }: WorkloadView): boolean {
  if (Number(object.status?.observedGeneration) !== object.metadata.generation) return false;
  // A canary or a preview has not served whole yet.
  if (workload.kind === 'rollout' && (object as Rollout).status?.stableRS !== current) return false;
  if (workload.kind === 'daemonset') {
    const status = (object as DaemonSet).status as (DaemonSet['status'] & Counts) | undefined;
    const wanted = status?.desiredNumberScheduled ?? 0;
    return wanted > 0 && status?.updatedNumberScheduled === wanted && status?.numberAvailable === wanted;
  }
  const { spec, status } = object as Deployment | StatefulSet;
  const wanted = spec.replicas ?? 1;
  const counts = (status ?? {}) as Counts;
  // Older StatefulSet controllers leave the count of updated pods away once the update is over.
  const updated = counts.updatedReplicas ?? (counts.currentRevision === current ? counts.readyReplicas : 0);
  return wanted > 0 && updated === wanted && counts.availableReplicas === wanted;
}

interface Counts {
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  currentRevision?: string;
  updatedNumberScheduled?: number;
  numberAvailable?: number;
}

function unknownRelease({ workload }: WorkloadView): RollbackError {
  return new RollbackError({
    code: 'RELEASE_UNKNOWN',
    summary: `The release that ${workloadText(workload)} runs is not known yet`,
    detail: 'Its controller has not seen the newest template.',
    fix: 'Run the command again in a moment.',
    retriable: true,
  });
}
