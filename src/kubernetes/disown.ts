import { isPreconditionFailed } from './api-error.ts';
import type { Cluster } from './cluster.ts';
import { FIELD_MANAGER } from './names.ts';
import type { KubernetesObject } from './objects.ts';

const ATTEMPTS = 5;

/**
 * Gives up the fields that were written where somebody else applies the object declaratively (server-side apply, "Field
 * management"): what was put back is theirs again, so that their next apply meets no conflict with a run that is over.
 * @param written what the last write answered
 */
export async function disown<T extends KubernetesObject>(
  cluster: Cluster,
  path: string,
  written: T,
  signal: AbortSignal,
): Promise<T> {
  let object = written;
  for (let attempts = 1; ; attempts++) {
    const { managedFields = [], resourceVersion } = object.metadata;
    const applied = managedFields.some(
      ({ manager, operation }) => operation === 'Apply' && manager !== FIELD_MANAGER,
    );
    const others = managedFields.filter(({ manager }) => manager !== FIELD_MANAGER);
    if (!applied || others.length === managedFields.length) return object;
    try {
      return await cluster.patch<T>(
        path,
        [
          { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
          { op: 'replace', path: '/metadata/managedFields', value: others },
        ],
        { signal },
      );
    } catch (error) {
      if (!isPreconditionFailed(error) || attempts === ATTEMPTS) throw error;
      object = await cluster.get<T>(path, { signal });
    }
  }
}
