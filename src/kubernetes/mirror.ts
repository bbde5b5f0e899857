import { setTimeout as wait } from 'node:timers/promises';
import { RollbackError } from '../model/error.ts';
import { ApiError } from './api-error.ts';
import type { Cluster, ListOf, Query } from './cluster.ts';
import type { KubernetesObject } from './objects.ts';
import { createTicks } from './ticks.ts';

/**
 * A collection as it is now: listed once, then kept by one watch (Kubernetes API concepts, "Efficient detection of
 * changes"). It begins with the first call of `all`.
 */
export interface Mirror<T extends KubernetesObject> {
  /**
   * Everything there is, in one array that stays the same until something changes. Waits for the first list, and while
   * the connection is lost.
   * @throws RollbackError `PLATFORM_UNREACHABLE` (retriable) where it could not be read for 10 s; `ApiError` where it
   * may not be read at all
   */
  all(signal: AbortSignal): Promise<readonly T[]>;
  /** What a write of our own answered, so that the next look sees it. Older than what is known is ignored. */
  saw(object: T): void;
  close(): void;
}

/** A watch is renewed this often, so that one that hangs is noticed, s. */
const WATCH_S = 25;
/** Longest time without contact in which what is known still counts, ms. */
const STALE_MS = 10_000;

export function mirror<T extends KubernetesObject>(parts: {
  cluster: Cluster;
  path: string;
  query?: Query;
  /** What is kept of an object. Default: all but field ownership, which is most of its size and is not read here. */
  keep?: ((object: T) => T) | undefined;
  /** Called after every change. */
  changed: () => void;
}): Mirror<T> {
  const { cluster, path, query = {}, keep: kept = (object: T) => object, changed } = parts;
  const objects = new Map<string, T>();
  let all: readonly T[] | undefined;
  const over = new AbortController();
  let begun = false;
  let synced = false;
  let lostSince: number | undefined;
  let refusal: ApiError | undefined;
  const ticks = createTicks();

  function tell(): void {
    ticks.tick();
    changed();
  }

  /** @returns whether it is news */
  function put(object: T): boolean {
    const known = objects.get(object.metadata.uid);
    if (known && Number(known.metadata.resourceVersion) >= Number(object.metadata.resourceVersion))
      return false;
    delete object.metadata.managedFields;
    objects.set(object.metadata.uid, kept(object));
    all = undefined;
    return true;
  }

  function remove(uid: string): void {
    objects.delete(uid);
    all = undefined;
  }

  async function list(): Promise<string> {
    const { items, metadata } = await cluster.list<T>(path, { query, signal: over.signal });
    const listed = new Set(items.map((item) => item.metadata.uid));
    for (const uid of objects.keys()) if (!listed.has(uid)) remove(uid);
    for (const item of items) put(item);
    synced = true;
    return (metadata as ListOf<T>['metadata']).resourceVersion ?? '';
  }

  async function follow(from: string): Promise<string> {
    let version = from;
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout((WATCH_S + 10) * 1000)]);
    const asked = { ...query, resourceVersion: version, allowWatchBookmarks: true, timeoutSeconds: WATCH_S };
    for await (const { type, object } of cluster.watch<T>(path, { query: asked, signal })) {
      lostSince = undefined;
      version = object.metadata.resourceVersion;
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') remove(object.metadata.uid);
      else put(object);
      tell();
    }
    return version;
  }

  async function keep(): Promise<void> {
    let version: string | undefined;
    while (!over.signal.aborted) {
      try {
        if (version === undefined) {
          version = await list();
          lostSince = undefined;
          refusal = undefined;
          tell();
        }
        version = await follow(version);
      } catch (error) {
        if (over.signal.aborted) return;
        // Expired: what happened since is no longer kept by the server, so everything is read again.
        if (error instanceof ApiError && error.status === 410) {
          version = undefined;
          continue;
        }
        lostSince ??= performance.now();
        refusal = error instanceof ApiError && !error.retriable ? error : undefined;
        tell();
        await wait(250, undefined, { signal: over.signal }).catch(() => {});
        version = undefined;
      }
    }
  }

  return {
    async all(signal) {
      if (!begun) {
        begun = true;
        void keep();
      }
      const since = performance.now();
      for (;;) {
        signal.throwIfAborted();
        if (refusal) throw refusal;
        if (synced && (lostSince === undefined || performance.now() - lostSince < STALE_MS)) {
          all ??= [...objects.values()];
          return all;
        }
        if (performance.now() - since > STALE_MS) throw unreachable(cluster, path);
        await ticks.next(500, signal);
      }
    },
    saw(object) {
      // What is known already must wake nobody: two that wait for each other would never sleep.
      if (put(object)) tell();
    },
    close: () => over.abort(),
  };
}

function unreachable(cluster: Cluster, path: string): RollbackError {
  return new RollbackError({
    code: 'PLATFORM_UNREACHABLE',
    summary: `The cluster at ${cluster.server} cannot be read`,
    detail: `${path} was not answered for ${STALE_MS / 1000} s.`,
    fix: 'See whether it answers: kubectl get --raw /readyz',
    retriable: true,
  });
}
