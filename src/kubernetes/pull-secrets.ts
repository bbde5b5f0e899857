import { RollbackError } from '../model/error.ts';
import { type DockerAuth, loginFrom, type RegistryCredentials } from '../oci/registry-credentials.ts';
import { ApiError, isNotFound } from './api-error.ts';
import type { Cluster } from './cluster.ts';
import type { KubernetesObject, PodSpec } from './objects.ts';
import { pathOf } from './resource-paths.ts';

interface Secret extends KubernetesObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
}

interface ServiceAccount extends KubernetesObject {
  imagePullSecrets?: { name: string }[];
}

/**
 * The logins that the kubelet pulls a pod's images with: its own `imagePullSecrets`, else those of its ServiceAccount
 * (`default` where it names none). A secret that is gone is passed over, as the kubelet does; one of another type too.
 * @throws RollbackError `PULL_SECRETS_FORBIDDEN` where a right is missing, `PULL_SECRET_INVALID`, or ApiError
 */
export async function pullCredentials(
  cluster: Cluster,
  namespace: string,
  podSpec: Pick<PodSpec, 'serviceAccountName' | 'imagePullSecrets'>,
  signal: AbortSignal,
): Promise<RegistryCredentials> {
  const read = <T>(resource: string, name: string) =>
    readObject<T>(cluster, { resource, namespace, name }, signal);
  let named = podSpec.imagePullSecrets ?? [];
  if (named.length === 0) {
    const account = await read<ServiceAccount>('serviceaccounts', podSpec.serviceAccountName || 'default');
    named = account?.imagePullSecrets ?? [];
  }
  const secrets = await Promise.all(named.map(({ name }) => read<Secret>('secrets', name)));
  const auths = secrets.flatMap((secret) => (secret === undefined ? [] : [authsOf(secret, namespace)]));
  return async (host, _, repository) => {
    for (const each of auths) {
      const login = loginFrom(each, host, repository);
      if (login) return login;
    }
    return undefined;
  };
}

async function readObject<T>(
  cluster: Cluster,
  { resource, namespace, name }: { resource: string; namespace: string; name: string },
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await cluster.get<T>(pathOf(resource, namespace, name), { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    throw new RollbackError({
      code: 'PULL_SECRETS_FORBIDDEN',
      summary: "The login of the image registry can't be read from the cluster",
      detail: `The right to get ${resource} "${name}" in namespace ${namespace} is missing: ${error.detail}`,
      fix: `Allow it: kubectl -n ${namespace} create role pull-logins --verb=get --resource=${resource} --resource-name=${name}`,
      cause: error,
    });
  }
}

/** The two types that a kubelet takes (Kubernetes, "Docker config Secrets"). */
function authsOf({ metadata, type, data = {} }: Secret, namespace: string): Record<string, DockerAuth> {
  const decode = (key: string): Record<string, unknown> => {
    try {
      const value: unknown = JSON.parse(Buffer.from(data[key] ?? '', 'base64').toString());
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    } catch {
      // The parser's words quote the secret.
    }
    throw new RollbackError({
      code: 'PULL_SECRET_INVALID',
      summary: `Secret ${namespace}/${metadata.name} is no login of a registry`,
      detail: `Its type is ${type}, and its key ${key} does not hold a JSON object.`,
      fix: `Make it again: kubectl -n ${namespace} create secret docker-registry ${metadata.name} --help`,
    });
  };
  if (type === 'kubernetes.io/dockerconfigjson') {
    return (decode('.dockerconfigjson').auths ?? {}) as Record<string, DockerAuth>;
  }
  if (type === 'kubernetes.io/dockercfg') return decode('.dockercfg') as Record<string, DockerAuth>;
  return {};
}
