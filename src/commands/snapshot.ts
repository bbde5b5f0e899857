import { pruneCopies } from '../adapters/platform/kubernetes/configuration/prune-copies.ts';
import {
  type RecordedObject,
  readSnapshots,
} from '../adapters/platform/kubernetes/configuration/release-snapshot.ts';
import { takeSnapshot } from '../adapters/platform/kubernetes/configuration/take-snapshot.ts';
import type { WorkloadView } from '../adapters/platform/kubernetes/view.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';

/** What the command works on, read by the platform. */
export interface SnapshotTarget {
  cluster: Cluster;
  namespace: string;
  /** Every workload of the service. */
  views: WorkloadView[];
  /** Names of Secrets whose values may be copied within the cluster; of others only fingerprints are kept. */
  copySecrets: string[];
}

/** What `snapshot` tells. No value of anything is in it. */
export interface SnapshotResult {
  service: string;
  namespace: string;
  recorded: {
    workload: string;
    revision: string;
    takenAt: string;
    /** ISO 8601; absent where not all of its pods were available yet. */
    availableAt?: string;
    /** Distinct `imageID`s by container. */
    images: Record<string, string[]>;
    objects: Pick<RecordedObject, 'kind' | 'name' | 'exists' | 'copy'>[];
    /** Earlier revisions whose configuration is not known, newest first. */
    unrecorded: { revision: string; number: number; images: string[] }[];
  }[];
  /** `KIND/NAME` of copies that nothing referred to any more. */
  deleted: string[];
  /** Why old copies were left; absent where they were looked at. */
  kept?: string;
}

/**
 * Records the configuration of the release that runs, and deletes copies that nothing refers to any more.
 * @throws RollbackError `RELEASE_UNKNOWN` (retriable), `COPY_NAME_TAKEN`; ApiError
 */
export async function snapshot(
  context: Pick<CommandContext, 'serviceName' | 'clock' | 'stop'> & {
    adapters: Pick<CommandContext['adapters'], 'store'>;
  },
  target: SnapshotTarget,
): Promise<CommandOutcome> {
  const { serviceName: service, clock, stop } = context;
  const { store } = context.adapters;
  const { cluster, namespace, views, copySecrets } = target;
  const signal = stop.immediate;
  const common = { cluster, namespace, service, store, clock, signal };
  const recorded: SnapshotResult['recorded'] = [];
  for (const view of views) {
    const taken = await takeSnapshot({ ...common, view, copySecrets });
    recorded.push({
      workload: taken.workload,
      revision: taken.revision,
      takenAt: taken.takenAt,
      ...(taken.availableAt === undefined ? {} : { availableAt: taken.availableAt }),
      images: taken.images,
      objects: taken.objects.map(({ kind, name, exists, copy }) => ({
        kind,
        name,
        exists,
        ...(copy === undefined ? {} : { copy }),
      })),
      unrecorded: [],
    });
  }
  const known = await readSnapshots(store, service);
  for (const [i, view] of views.entries()) {
    const rest = view.revisions.filter(({ id }) => id !== view.current && !Object.hasOwn(known, id));
    const unrecorded = rest.map(({ id, number, template }) => ({
      revision: id,
      number,
      images: template.spec.containers.map(({ image }) => image),
    }));
    Object.assign(recorded[i] as object, { unrecorded });
  }
  const result: SnapshotResult = { service, namespace, recorded, deleted: [] };
  const lease = await store.lease(service);
  // A run may be about to refer to a copy that nothing refers to yet.
  if (lease?.held) result.kept = 'a run is under way';
  else {
    const { deleted, secretsForbidden } = await pruneCopies({ ...common, views });
    result.deleted = deleted;
    if (secretsForbidden) result.kept = 'the right to list and delete Secrets is missing';
  }
  return { exit: EXIT.done, json: result };
}

/** The result as text. */
export function snapshotText({ recorded, deleted, kept }: SnapshotResult): string {
  const lines = recorded.flatMap(({ workload, revision, availableAt, objects, unrecorded }) => [
    `Recorded ${workload}, revision ${revision}${availableAt === undefined ? ' (not all of its pods are available yet)' : ''}.`,
    ...(objects.length === 0 ? ['  It refers to no ConfigMap and no Secret.'] : objects.map(objectLine)),
    ...unrecorded.map(
      ({ revision: id, number, images }) =>
        `  [WARN] Revision ${id} (number ${number}, ${images.join(', ')}) was not recorded; going back to it uses today's configuration.`,
    ),
  ]);
  if (deleted.length > 0) lines.push(`Deleted what nothing refers to: ${deleted.join(', ')}.`);
  if (kept !== undefined) lines.push(`Old copies were left alone: ${kept}.`);
  return lines.join('\n');
}

function objectLine({
  kind,
  name,
  exists,
  copy,
}: SnapshotResult['recorded'][number]['objects'][number]): string {
  if (!exists) return `  ${kind} ${name}: is not there`;
  return `  ${kind} ${name}: ${copy === undefined ? 'fingerprint only' : `copy ${copy}`}`;
}
