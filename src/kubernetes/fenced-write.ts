import { EXIT, RollbackError } from '../model/error.ts';
import { isPreconditionFailed } from './api-error.ts';
import type { Cluster, PatchOperation } from './cluster.ts';
import { disown } from './disown.ts';
import { EPOCH_ANNOTATION } from './names.ts';
import type { KubernetesObject } from './objects.ts';
import { pointerPart } from './resource-paths.ts';

/** Under which lease an object is written. */
export interface Fence {
  runId: string;
  epoch: number;
}

const ATTEMPTS = 8;

/**
 * Changes an object only as it is known: every write tests its uid, the fencing number written last, and whatever the
 * operations test. Where a test fails the object is read again and `change` decides anew; nothing is repeated blindly.
 * @param known the object as it was seen last; undefined to read it first
 * @param change the operations for the object as it is now; undefined where nothing is to be done
 * @throws RollbackError `STALE_EPOCH` where a later client wrote it; `OBJECT_CONTENDED` (retriable)
 */
export async function fencedWrite<T extends KubernetesObject>(parts: {
  cluster: Cluster;
  path: string;
  known?: T | undefined;
  fence: Fence;
  change: (object: T) => PatchOperation[] | undefined;
  /** The last write of a run: leaves no fencing number on the object, and no fields owned that others apply. */
  last?: boolean;
  signal: AbortSignal;
}): Promise<T> {
  const { cluster, path, fence, change, signal } = parts;
  let object = parts.known ?? (await cluster.get<T>(path, { signal }));
  for (let attempts = 1; ; attempts++) {
    refuseStale(object, fence);
    const operations = change(object);
    if (operations === undefined) return object;
    const fenced = [...fenceOperations(object, fence, parts.last ?? false), ...operations];
    let written: T;
    try {
      written = await cluster.patch<T>(path, fenced, { signal });
    } catch (error) {
      if (!isPreconditionFailed(error)) throw error;
      if (attempts === ATTEMPTS) throw contended(path, error);
      object = await cluster.get<T>(path, { signal });
      continue;
    }
    return parts.last ? disown(cluster, path, written, signal) : written;
  }
}

function fenceOperations({ metadata }: KubernetesObject, { epoch }: Fence, last: boolean): PatchOperation[] {
  const pointer = `/metadata/annotations/${pointerPart(EPOCH_ANNOTATION)}`;
  const uid: PatchOperation = { op: 'test', path: '/metadata/uid', value: metadata.uid };
  const known = metadata.annotations?.[EPOCH_ANNOTATION];
  if (metadata.annotations === undefined) {
    // Adding the map would replace one that somebody else adds meanwhile; the version keeps that out.
    const version: PatchOperation = {
      op: 'test',
      path: '/metadata/resourceVersion',
      value: metadata.resourceVersion,
    };
    return [
      uid,
      version,
      { op: 'add', path: '/metadata/annotations', value: last ? {} : { [EPOCH_ANNOTATION]: String(epoch) } },
    ];
  }
  if (known === undefined) return last ? [uid] : [uid, { op: 'add', path: pointer, value: String(epoch) }];
  const test: PatchOperation = { op: 'test', path: pointer, value: known };
  if (last) return [uid, test, { op: 'remove', path: pointer }];
  return [uid, test, { op: 'replace', path: pointer, value: String(epoch) }];
}

/** @throws RollbackError `STALE_EPOCH` where a later client wrote the object */
export function refuseStale({ metadata }: KubernetesObject, { epoch }: Fence): void {
  const written = Number(metadata.annotations?.[EPOCH_ANNOTATION] ?? 0);
  if (written <= epoch) return;
  throw new RollbackError({
    code: 'STALE_EPOCH',
    summary: `Another client moves ${metadata.name} now`,
    detail: `It was written under lease ${written}; this client holds lease ${epoch}.`,
    fix: 'See who moves it: rollback-deploy-auto status',
    exit: EXIT.interrupted,
  });
}

function contended(path: string, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'OBJECT_CONTENDED',
    summary: `${path} was changed by others ${ATTEMPTS} times in a row`,
    retriable: true,
    cause,
  });
}
