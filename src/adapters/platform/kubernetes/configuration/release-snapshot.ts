import { configReferences } from '../../../../kubernetes/config-references.ts';
import type { ObjectDigest } from '../../../../kubernetes/configuration-objects.ts';
import type { PodTemplate } from '../../../../kubernetes/objects.ts';
import type { ConfigurationSnapshot } from '../../../../model/release.ts';

/** A ConfigMap or Secret as a release had it. */
export interface RecordedObject extends ObjectDigest {
  /** Immutable object of the same namespace with that content; undefined where none was taken. */
  copy?: string;
}

/** What a release was configured with, and what it ran. No value of a Secret is in it, and no content. */
export interface ReleaseSnapshot {
  /** E.g. `deployment/api`. */
  workload: string;
  /** `pod-template-hash`, or `controller-revision-hash`. */
  revision: string;
  /** ISO 8601. */
  takenAt: string;
  /** ISO 8601: when the revision was first seen with all of its pods available; absent where it never was. */
  availableAt?: string;
  /** What its pods ran, by container: the distinct `imageID`s. */
  images: Record<string, string[]>;
  objects: RecordedObject[];
  /** Of the key that Secrets were fingerprinted with. */
  keyId: string;
}

/** The part of a `StateStore` that snapshots are kept in: the document `snapshots/SERVICE`. */
export interface SnapshotStore {
  get<T>(kind: string, name: string): Promise<{ value: T; version: number } | undefined>;
  put<T>(kind: string, name: string, value: T, expected: number): Promise<void>;
}

/** The snapshots of a service's releases, by revision id. */
export async function readSnapshots(
  store: SnapshotStore,
  service: string,
): Promise<Record<string, ReleaseSnapshot>> {
  return (await readDocument(store, service)).releases;
}

/**
 * Changes the snapshots of a service; decides anew where another client changed them meanwhile.
 * @throws RollbackError `DOCUMENT_CHANGED` (retriable) where that goes on
 */
export async function changeSnapshots(
  store: SnapshotStore,
  service: string,
  change: (releases: Record<string, ReleaseSnapshot>) => Record<string, ReleaseSnapshot>,
): Promise<void> {
  for (let attempts = 1; ; attempts++) {
    const { releases, version } = await readDocument(store, service);
    try {
      return await store.put(KIND, service, { format: 1, releases: change(releases) }, version);
    } catch (error) {
      if ((error as { code?: string }).code !== 'DOCUMENT_CHANGED' || attempts === ATTEMPTS) throw error;
    }
  }
}

/**
 * The snapshot as the checks know it: keys of ConfigMaps as files `configmap:NAME/KEY`, those of Secrets as secrets
 * `NAME/KEY`. Content is left empty: the cluster keeps it in the copies. Of Secrets, only those that the template
 * needs and that do not go back are in it, so that one missing today stops and a rotated one warns; for a release that
 * was not recorded, their fingerprints are undefined.
 */
export function configurationOf(parts: {
  template: PodTemplate;
  snapshot: ReleaseSnapshot | undefined;
  restoreSecrets: string[];
}): ConfigurationSnapshot {
  const { template, snapshot, restoreSecrets } = parts;
  const references = configReferences(template);
  const secrets: ConfigurationSnapshot['secrets'] = {};
  for (const { name, optional, whole, keys } of references.secrets) {
    if (optional || restoreSecrets.includes(name)) continue;
    const recorded = snapshot?.objects.find((one) => one.kind === 'Secret' && one.name === name);
    const required = Object.keys(keys).filter((key) => keys[key]);
    for (const key of whole ? Object.keys(recorded?.keys ?? {}) : required) {
      secrets[`${name}/${key}`] = { source: `secret:${name}/${key}`, fingerprint: recorded?.keys[key] };
    }
  }
  const files = (snapshot?.objects ?? [])
    .filter(({ kind }) => kind === 'ConfigMap')
    .flatMap(({ name, keys }) =>
      Object.entries(keys).map(([key, sha256]) => ({
        path: `configmap:${name}/${key}`,
        sha256,
        content: '',
        mode: 0o644,
      })),
    );
  return { environment: {}, secrets, files };
}

const KIND = 'snapshots';
const ATTEMPTS = 8;

interface SnapshotDocument {
  format: 1;
  releases: Record<string, ReleaseSnapshot>;
}

async function readDocument(
  store: SnapshotStore,
  service: string,
): Promise<{ releases: Record<string, ReleaseSnapshot>; version: number }> {
  const read = await store.get<SnapshotDocument>(KIND, service);
  return { releases: read?.value.releases ?? {}, version: read?.version ?? 0 };
}
