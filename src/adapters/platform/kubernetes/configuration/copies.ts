import { ApiError } from '../../../../kubernetes/api-error.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import {
  type ConfigurationKind,
  type ConfigurationObject,
  configurationPath,
  digestOf,
  type ObjectDigest,
  readObject,
  sha256,
} from '../../../../kubernetes/configuration-objects.ts';
import type { FingerprintKey } from '../../../../kubernetes/fingerprint-key.ts';
import { KIND_LABEL, PREFIX, SERVICE_LABEL } from '../../../../kubernetes/names.ts';
import { RollbackError } from '../../../../model/error.ts';

/** Value of `KIND_LABEL` on copies. */
export const COPY_KIND = 'configuration-copy';
/** Annotation: name of the object that was copied. A label's value may be too short for it. */
const COPY_OF_ANNOTATION = `${PREFIX}/copy-of`;

export interface CopyPlace {
  cluster: Cluster;
  namespace: string;
  service: string;
  key: FingerprintKey;
  signal: AbortSignal;
}

/** A copy that a template refers to, as plain JSON. */
export interface PlannedCopy {
  kind: ConfigurationKind;
  /** Of the copy. */
  name: string;
  /** The object that it copies. */
  of: string;
  /** What it must hold, by key. No keys: what was not there then is an empty object now. */
  keys: ObjectDigest['keys'];
}

/** Whether an object is a copy of ours: it never changes, and needs no copy of its own. */
export function isCopy(object: ConfigurationObject): boolean {
  return object.metadata.labels?.[KIND_LABEL] === COPY_KIND && object.immutable === true;
}

/**
 * The name says the content, so that equal content is there once for a service. Of a Secret it says a keyed
 * fingerprint: a plain hash could be tried out by whoever sees the template.
 */
export function copyName(
  { service, key }: Pick<CopyPlace, 'service' | 'key'>,
  kind: ConfigurationKind,
  of: string,
  object: Content,
): string {
  const content = JSON.stringify([service, sorted(object.data), sorted(object.binaryData)]);
  const hash = kind === 'Secret' ? key.fingerprint(content) : sha256(content);
  return nameWith(of, hash);
}

/** Whether it is the name of a copy, by its end. */
export function isCopyName(name: string): boolean {
  return /-rda-[0-9a-f]{8}$/.test(name);
}

/** The name of an empty object in the place of one that was not there. */
export function emptyCopyName(service: string, of: string): string {
  return nameWith(of, sha256(JSON.stringify([service, [], []])));
}

/**
 * Makes the copy, or finds it made. Safe to call again, and from several clients at once.
 * @throws RollbackError `COPY_NAME_TAKEN` where an object of that name holds something else; ApiError
 */
export async function ensureCopy(place: CopyPlace, copy: PlannedCopy, content: Content): Promise<void> {
  const { cluster, namespace, service, signal } = place;
  const { data, binaryData } = content;
  const body = {
    apiVersion: 'v1',
    kind: copy.kind,
    metadata: {
      name: copy.name,
      labels: { [KIND_LABEL]: COPY_KIND, [SERVICE_LABEL]: service },
      annotations: { [COPY_OF_ANNOTATION]: copy.of },
    },
    immutable: true,
    ...(data ? { data } : {}),
    ...(copy.kind === 'ConfigMap' && binaryData ? { binaryData } : {}),
    // Controllers act on other types; pods read any.
    ...(copy.kind === 'Secret' ? { type: 'Opaque' } : {}),
  };
  try {
    await cluster.create(configurationPath(copy.kind, namespace), body, { signal });
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    if ((await lookAtCopy(place, copy)) === 'different') throw nameTaken(copy);
  }
}

/** Whether the copy is there with the content that it must hold. @throws ApiError */
export async function lookAtCopy(
  place: Omit<CopyPlace, 'service'>,
  { kind, name, keys }: PlannedCopy,
): Promise<'there' | 'missing' | 'different'> {
  const object = await readObject(place, kind, name);
  if (!object) return 'missing';
  const there = digestOf(kind, name, object, place.key).keys;
  return object.immutable === true && sameKeys(there, keys) ? 'there' : 'different';
}

export function sameKeys(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((key) => a[key] === b[key]);
}

function nameTaken({ kind, name }: Pick<PlannedCopy, 'kind' | 'name'>): RollbackError {
  return new RollbackError({
    code: 'COPY_NAME_TAKEN',
    summary: `${kind} ${name} is not the copy that its name says`,
    detail: 'It holds something else, or may still be changed.',
    fix: 'See who made it; delete or rename it, then run the command again.',
  });
}

interface Content {
  data?: Record<string, string> | undefined;
  binaryData?: Record<string, string> | undefined;
}

/** What a name may have, less what is added (Kubernetes documentation, "DNS Subdomain Names": 253). */
const LONGEST = 240;

function nameWith(of: string, hash: string): string {
  return `${of.slice(0, LONGEST).replace(/[-.]+$/, '')}-rda-${hash.slice(0, 8)}`;
}

function sorted(values: Record<string, string> | undefined): [string, string][] {
  return Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
