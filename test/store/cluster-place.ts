import { randomBytes } from 'node:crypto';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';

/** A namespace of its own in the cluster of `KUBECONFIG`. */
export interface ClusterPlace {
  cluster: Cluster;
  namespace: string;
  /** Does not wait until it is gone. */
  dispose(): Promise<void>;
}

export const hasCluster = process.env.KUBECONFIG !== undefined;

export async function clusterPlace(): Promise<ClusterPlace> {
  const cluster = await connect();
  const namespace = `rda-store-${randomBytes(4).toString('hex')}`;
  await cluster.create(pathOf('namespaces'), { metadata: { name: namespace } });
  return { cluster, namespace, dispose: () => cluster.delete(pathOf('namespaces', undefined, namespace)) };
}
