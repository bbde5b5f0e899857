import type { ClusterState } from './cluster-state.ts';
import { type Claims, claimNames, isBesideKind, readClaims } from './preflight/downtime.ts';
import type { WorkloadView } from './view.ts';

/** How the volume claims of Deployments and Rollouts may be used. Access modes never change, so each claim is read once. */
export function volumeClaims({
  cluster,
  namespace,
}: ClusterState): (views: WorkloadView[], signal: AbortSignal) => Promise<Claims> {
  const known: Claims = new Map();
  return async (views, signal) => {
    const unread = views.filter(
      (view) =>
        isBesideKind(view) &&
        claimNames(view.object.spec.template.spec).some((name) => !Array.isArray(known.get(name))),
    );
    if (unread.length > 0) {
      for (const [name, read] of await readClaims({ cluster, namespace, views: unread, signal }))
        known.set(name, read);
    }
    return known;
  };
}
