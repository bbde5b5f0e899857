import type { WorkloadView } from './adapters/platform/kubernetes/view.ts';
import { dockerCredentials } from './adapters/registry/docker-credentials.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import { pullCredentials } from './kubernetes/pull-secrets.ts';
import { RollbackError } from './model/error.ts';
import type { RegistryCredentials } from './oci/registry-credentials.ts';

/**
 * The logins that the workloads' own pods are pulled with; where those have none for a registry, or may not be read, the
 * user's own of `docker login`.
 */
export function workloadCredentials(
  cluster: Cluster,
  namespace: string,
  views: (signal: AbortSignal) => Promise<WorkloadView[]>,
): RegistryCredentials {
  const own = dockerCredentials();
  return async (host, signal, repository) => {
    let unreadable: RollbackError | undefined;
    for (const { object } of await views(signal)) {
      try {
        const pods = await pullCredentials(cluster, namespace, object.spec.template.spec, signal);
        const login = await pods(host, signal, repository);
        if (login) return login;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RollbackError)) throw error;
        unreadable ??= error;
      }
    }
    const login = await own(host, signal, repository);
    if (!login && unreadable) throw unreadable;
    return login;
  };
}
