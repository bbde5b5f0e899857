import type { Cluster } from '../../kubernetes/cluster.ts';
import type { Clock } from '../../model/clock.ts';
import type { Holder } from '../../model/journal.ts';
import { type HolderState, holderState as lookUpHolder } from '../process-identity.ts';
import { clusterDocuments } from './kubernetes/cluster-documents.ts';
import { clusterJournal } from './kubernetes/cluster-journal.ts';
import { clusterLeases } from './kubernetes/cluster-leases.ts';
import { leaseObjects } from './kubernetes/lease-object.ts';
import { runHeads } from './kubernetes/run-heads.ts';
import { sealedSegments } from './kubernetes/sealed-segments.ts';
import type { StateStore } from './store.ts';

export interface KubernetesStoreOptions {
  cluster: Cluster;
  /** Of the workloads that are moved: whoever may move them finds their runs there. It must exist. */
  namespace: string;
  clock: Clock;
  /** Looks a lease's holder up. Default: by process id and start time on this host. */
  holderState?: (holder: Holder) => HolderState;
}

/**
 * State as objects of a namespace: a Lease a service, ConfigMaps for journals and documents. Every write is one
 * conditional request, acknowledged once the cluster's database has it. What the API server refuses for want of a
 * right is thrown as it says it, with the way to get that right.
 */
export function kubernetesStore(options: KubernetesStoreOptions): StateStore {
  const { cluster, namespace, clock, holderState = lookUpHolder } = options;
  const name = `namespace ${namespace}`;
  const heads = runHeads(cluster, namespace);
  const sealed = sealedSegments(cluster, namespace);
  const objects = leaseObjects(cluster, namespace, clock);
  const leases = clusterLeases({ objects, heads, clock, holderState });
  return {
    name,
    ...clusterJournal({ heads, sealed, leases, clock, storeName: name }),
    acquireLease: leases.acquire,
    renew: leases.renew,
    release: leases.release,
    lease: leases.info,
    ...clusterDocuments(cluster, namespace),
  };
}
