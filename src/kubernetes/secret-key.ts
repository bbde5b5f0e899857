import { EXIT, RollbackError } from '../model/error.ts';
import { ApiError, isNotFound } from './api-error.ts';
import type { Cluster } from './cluster.ts';
import type { KubernetesObject } from './objects.ts';
import { pathOf } from './resource-paths.ts';

interface Secret extends KubernetesObject {
  /** Base64. */
  data?: Record<string, string>;
}

/**
 * The value of a key of a Secret; needs the right to get that Secret, and no other.
 * @param fallback The namespace where the reference names none.
 * @throws RollbackError `SECRET_MISSING` (exit 2), `SECRET_FORBIDDEN`; ApiError
 */
export async function readSecretKey(
  cluster: Cluster,
  { name, key, namespace: of }: { name: string; key: string; namespace?: string | undefined },
  fallback: string,
): Promise<string> {
  const namespace = of ?? fallback;
  const { data = {} } = await readSecret(cluster, namespace, name);
  const value = data[key];
  // Names of keys are no secrets; their values are not shown.
  if (value === undefined)
    throw missing(
      `Secret ${namespace}/${name} has no key ${key}; it has ${Object.keys(data).join(', ') || 'none'}.`,
    );
  // What was made from a file ends with a line break; it is no part of a password.
  return Buffer.from(value, 'base64')
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

async function readSecret(cluster: Cluster, namespace: string, name: string): Promise<Secret> {
  try {
    return await cluster.get<Secret>(pathOf('secrets', namespace, name));
  } catch (error) {
    if (isNotFound(error)) throw missing(`There is no Secret ${namespace}/${name}.`, error);
    if (!(error instanceof ApiError) || error.status !== 403) throw error;
    throw new RollbackError({
      code: 'SECRET_FORBIDDEN',
      summary: 'The credentials of the database may not be read',
      detail: `The right to get the Secret ${namespace}/${name} is missing: ${error.detail}`,
      fix: `Allow it: rollback-deploy-auto init --rbac -n ${namespace} beside rollback.yaml prints the rights`,
      cause: error,
    });
  }
}

function missing(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'SECRET_MISSING',
    summary: 'The credentials of the database are not there',
    detail,
    fix: 'Make it, or correct secretKeyRef in rollback.yaml.',
    exit: EXIT.usage,
    cause,
  });
}
