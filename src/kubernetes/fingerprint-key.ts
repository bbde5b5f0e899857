import { createHmac, randomBytes } from 'node:crypto';
import { EXIT, RollbackError } from '../model/error.ts';
import { ApiError, isNotFound } from './api-error.ts';
import type { Cluster } from './cluster.ts';
import { KIND_LABEL, PREFIX } from './names.ts';
import { pathOf } from './resource-paths.ts';

/** The Secret of a namespace that holds the key. */
export const FINGERPRINT_KEY_SECRET = `${PREFIX}-fingerprint-key`;

/** What secrets of one namespace are fingerprinted with. It never leaves the cluster but into this process's memory. */
export interface FingerprintKey {
  /** Tells keys apart and says nothing of them: fingerprints of two keys can't be compared. */
  id: string;
  /** HMAC-SHA-256, hex. */
  fingerprint(value: Buffer | string): string;
}

/**
 * The key of a namespace, 32 random bytes. It is made where `make` says so: whoever comes first, the others read that
 * one. Where it is not there and not to be made (a dry run), the key is one of this process only.
 * @throws ApiError; RollbackError `FINGERPRINT_KEY_INVALID` where the Secret holds something else (exit 2)
 */
export async function fingerprintKey(
  cluster: Cluster,
  namespace: string,
  options: { make: boolean; signal: AbortSignal },
): Promise<FingerprintKey> {
  const { make, signal } = options;
  const path = pathOf('secrets', namespace, FINGERPRINT_KEY_SECRET);
  const read = async () => keyOf((await cluster.get<KeySecret>(path, { signal })).data?.key, namespace);
  try {
    return await read();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  if (!make) return passingKey();
  const bytes = randomBytes(32);
  const body = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: FINGERPRINT_KEY_SECRET, labels: { [KIND_LABEL]: 'fingerprint-key' } },
    type: 'Opaque',
    immutable: true,
    data: { key: bytes.toString('base64') },
  };
  try {
    await cluster.create(pathOf('secrets', namespace), body, { signal });
    return keyFrom(bytes);
  } catch (error) {
    if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
    return read();
  }
}

/** A key of this process only, where no Secret is looked at and the right to read any may be missing. */
export function passingKey(): FingerprintKey {
  return keyFrom(randomBytes(32));
}

interface KeySecret {
  data?: { key?: string };
}

function keyOf(encoded: string | undefined, namespace: string): FingerprintKey {
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (bytes.length === 32) return keyFrom(bytes);
  throw new RollbackError({
    code: 'FINGERPRINT_KEY_INVALID',
    summary: `Secret ${FINGERPRINT_KEY_SECRET} holds no key for fingerprints`,
    detail: `Its entry "key" has ${bytes.length} bytes, and 32 are needed.`,
    fix: `Delete it: kubectl -n ${namespace} delete secret ${FINGERPRINT_KEY_SECRET}. Another is made by the next snapshot; what was recorded before can't be compared then.`,
    exit: EXIT.usage,
  });
}

function keyFrom(bytes: Buffer): FingerprintKey {
  const fingerprint = (value: Buffer | string) => createHmac('sha256', bytes).update(value).digest('hex');
  return { id: fingerprint(`${PREFIX}: id of this key`).slice(0, 16), fingerprint };
}
