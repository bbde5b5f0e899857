import { createHash } from 'node:crypto';
import { isNotFound } from './api-error.ts';
import type { Cluster } from './cluster.ts';
import type { References } from './config-references.ts';
import type { FingerprintKey } from './fingerprint-key.ts';
import { inGroups } from './in-groups.ts';
import type { KubernetesObject } from './objects.ts';
import { pathOf } from './resource-paths.ts';

export const CONFIGURATION_KINDS = ['ConfigMap', 'Secret'] as const;
export type ConfigurationKind = (typeof CONFIGURATION_KINDS)[number];

/** A ConfigMap as the API has it. */
export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  /** Base64. */
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

/** A Secret as the API has it; its values never leave the process. */
export interface Secret extends KubernetesObject {
  /** Base64. */
  data?: Record<string, string>;
  type?: string;
  immutable?: boolean;
}

export type ConfigurationObject = ConfigMap | Secret;

/** What may be told and kept of a ConfigMap or Secret. */
export interface ObjectDigest {
  kind: ConfigurationKind;
  name: string;
  exists: boolean;
  /** By key: SHA-256 of a ConfigMap's value, the fingerprint (keyed HMAC) of a Secret's; hex. */
  keys: Record<string, string>;
}

/** The configuration objects that are there now. */
export interface ConfigurationToday {
  objects: ObjectDigest[];
  /** Of the key that Secrets are fingerprinted with. */
  keyId: string;
}

/** An object as it was read, with its digest. Never to be stored or printed. */
export interface ReadObject {
  digest: ObjectDigest;
  /** undefined where there is none. */
  object: ConfigurationObject | undefined;
}

/** Reads what is referred to, each by its own name, so that a Role may name them. @throws ApiError */
export async function readObjects(parts: {
  cluster: Cluster;
  namespace: string;
  references: References;
  key: FingerprintKey;
  signal: AbortSignal;
}): Promise<ReadObject[]> {
  const { references, key } = parts;
  const names = [
    ...references.configMaps.map(({ name }) => ({ kind: 'ConfigMap' as const, name })),
    ...references.secrets.map(({ name }) => ({ kind: 'Secret' as const, name })),
  ];
  return inGroups(names, async ({ kind, name }) => {
    const object = await readObject(parts, kind, name);
    return { object, digest: digestOf(kind, name, object, key) };
  });
}

/** What may be told of the objects of some references now; writes nothing. @throws ApiError */
export async function readToday(parts: Parameters<typeof readObjects>[0]): Promise<ConfigurationToday> {
  const objects = await readObjects(parts);
  return { objects: objects.map(({ digest }) => digest), keyId: parts.key.id };
}

/** undefined where it is not there. @throws ApiError */
export async function readObject(
  { cluster, namespace, signal }: { cluster: Cluster; namespace: string; signal: AbortSignal },
  kind: ConfigurationKind,
  name: string,
): Promise<ConfigurationObject | undefined> {
  try {
    return await cluster.get<ConfigurationObject>(configurationPath(kind, namespace, name), { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export function configurationPath(kind: ConfigurationKind, namespace: string, name?: string): string {
  return pathOf(kind === 'ConfigMap' ? 'configmaps' : 'secrets', namespace, name);
}

export function digestOf(
  kind: ConfigurationKind,
  name: string,
  object: ConfigurationObject | undefined,
  key: FingerprintKey,
): ObjectDigest {
  const digest = (value: Buffer) => (kind === 'Secret' ? key.fingerprint(value) : sha256(value));
  const keys = valuesOf(kind, object).map(([entry, value]) => [entry, digest(value)] as const);
  return { kind, name, exists: object !== undefined, keys: Object.fromEntries(keys) };
}

/** SHA-256, hex. */
export function sha256(value: Buffer | string): string {
  return createHash('sha256').update(value).digest('hex');
}

/** Sorted by key, so that what is made of them does not depend on the order of fields. */
function valuesOf(kind: ConfigurationKind, object: ConfigurationObject | undefined): [string, Buffer][] {
  if (!object) return [];
  const text = kind === 'ConfigMap' ? (object.data ?? {}) : {};
  const encoded = kind === 'ConfigMap' ? ((object as ConfigMap).binaryData ?? {}) : (object.data ?? {});
  return [
    ...Object.entries(text).map(([key, value]): [string, Buffer] => [key, Buffer.from(value)]),
    ...Object.entries(encoded).map(([key, value]): [string, Buffer] => [key, Buffer.from(value, 'base64')]),
  ].sort(([a], [b]) => (a < b ? -1 : 1));
}
