import { ApiError, isNotFound, isPreconditionFailed } from '../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../kubernetes/cluster.ts';
import { KIND_LABEL, SERVICE_LABEL } from '../../../kubernetes/names.ts';
import type { KubernetesObject } from '../../../kubernetes/objects.ts';
import { pathOf } from '../../../kubernetes/resource-paths.ts';
import type { Clock } from '../../../model/clock.ts';
import type { Holder } from '../../../model/journal.ts';
import { LEASE_TTL_MS } from '../store.ts';
import { stateUnreadable, swapAnnotation } from './config-map.ts';
import { LEASE_ANNOTATION, labelValue, leaseName } from './object-names.ts';

/** One state of a lease. Every write makes another one, and replaces exactly the one that was seen. */
export interface LeaseVersion {
  format: 1;
  service: string;
  /** Never falls, also over releases. */
  epoch: number;
  holder: Holder;
  state: 'held' | 'released';
  /** ISO 8601. */
  at: string;
  /** ISO 8601. */
  takenAt: string;
  /** Unique to this write. */
  id: string;
  /** Ids of the runs to which holders up to this epoch may append, the newest last. */
  runs: string[];
}

export interface SeenLease {
  version: LeaseVersion;
  /** The version as it is written; the condition of the next write. */
  text: string;
}

export interface LeaseObjects {
  /** Undefined where there is none. @throws RollbackError `STATE_UNREADABLE` */
  load(service: string): Promise<SeenLease | undefined>;
  /** Replaces exactly `seen` (undefined: none yet); undefined where another client was first. */
  swap(seen: SeenLease | undefined, version: LeaseVersion): Promise<SeenLease | undefined>;
}

const TRIES = 4;
const PAUSE_MS = 200;

/** Leases of coordination.k8s.io/v1. The product goes by the annotation; the fields of the spec tell it to people. */
export function leaseObjects(cluster: Cluster, namespace: string, clock: Clock): LeaseObjects {
  const pathTo = (service: string) => pathOf('leases', namespace, leaseName(service));

  async function load(service: string): Promise<SeenLease | undefined> {
    try {
      return toSeen(await cluster.get<KubernetesObject>(pathTo(service)));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function write(seen: SeenLease | undefined, version: LeaseVersion): Promise<void> {
    const text = JSON.stringify(version);
    const spec = specOf(version);
    if (seen) {
      const swap = swapAnnotation(LEASE_ANNOTATION, seen.text, text);
      await cluster.patch(pathTo(version.service), [...swap, { op: 'add', path: '/spec', value: spec }]);
      return;
    }
    await cluster.create(pathOf('leases', namespace), {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: leaseName(version.service),
        labels: { [KIND_LABEL]: 'lease', [SERVICE_LABEL]: labelValue(version.service) },
        annotations: { [LEASE_ANNOTATION]: text },
      },
      spec,
    });
  }

  return {
    load,
    async swap(seen, version) {
      for (let tries = 1; ; tries++) {
        const text = JSON.stringify(version);
        try {
          await write(seen, version);
          return { version, text };
        } catch (error) {
          const refused = isPreconditionFailed(error) || (seen !== undefined && isNotFound(error));
          if (!refused && !(error instanceof ApiError && error.retriable)) throw error;
          // Its answer may be what was lost. What is there now tells, since every write has an id of its own.
          const now = await load(version.service);
          if (now?.text === text) return now;
          if (now?.text !== seen?.text) return undefined;
          if (tries === TRIES) throw error;
          await clock.sleep(PAUSE_MS);
        }
      }
    },
  };
}

function specOf({ epoch, holder, state, at, takenAt }: LeaseVersion): Record<string, unknown> {
  // MicroTime has six digits (Kubernetes API reference v1.34, LeaseSpec).
  const micro = (time: string) => time.replace(/Z$/, '000Z');
  return {
    ...(state === 'held' ? { holderIdentity: `${holder.user}@${holder.host}/${holder.pid}` } : {}),
    leaseDurationSeconds: LEASE_TTL_MS / 1000,
    acquireTime: micro(takenAt),
    renewTime: micro(at),
    leaseTransitions: epoch,
  };
}

function toSeen({ metadata }: KubernetesObject): SeenLease {
  const text = metadata.annotations?.[LEASE_ANNOTATION] ?? '';
  try {
    const version = JSON.parse(text) as LeaseVersion;
    if (version.format === 1 && typeof version.epoch === 'number' && Array.isArray(version.runs)) {
      return { version, text };
    }
  } catch {
    // Said below, with the object.
  }
  throw stateUnreadable(
    `The annotation ${LEASE_ANNOTATION} of Lease ${metadata.namespace}/${metadata.name} is not what this version writes.`,
  );
}
