import { stat } from 'node:fs/promises';
import { EXIT, RollbackError } from '../model/error.ts';
import type { Descriptor, ImageIndex } from './manifest.ts';
import { isDigest } from './manifest.ts';
import { thisPlatform } from './this-platform.ts';

/** Holds an image's name in index.json (OCI image spec 1.1, "Pre-Defined Annotation Keys"). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

const NAME = /^[A-Za-z0-9][\w.:@+/-]{0,254}$/;

export interface NamedImage {
  /** E.g. `shop:v2.14.3`. */
  reference: string;
  digest: string;
}

export function references(index: ImageIndex): NamedImage[] {
  return index.manifests.flatMap(({ annotations, digest }) => {
    const reference = annotations?.[REF_NAME];
    return reference === undefined ? [] : [{ reference, digest }];
  });
}

/** The digest a reference means; see `ImageLayout.resolve`. */
export async function findReference(
  index: ImageIndex,
  reference: string,
  blobPath: (digest: string) => string,
): Promise<string | undefined> {
  const digest = reference.slice(reference.lastIndexOf('@') + 1);
  if (isDigest(digest)) return (await isThere(blobPath(digest))) ? digest : undefined;
  const named = (wanted: (name: string) => boolean) =>
    index.manifests.filter((entry) => {
      const name = entry.annotations?.[REF_NAME];
      return name !== undefined && wanted(name);
    });
  const tag = tagOf(reference);
  const exact = named((name) => name === reference);
  if (exact.length > 0) return theOne(exact, reference);
  // A layout of one repository may name images by their tags alone, as umoci and docker save do.
  if (tag !== undefined)
    return theOne(
      named((name) => name === tag),
      reference,
    );
  return theOne(
    named((name) => tagOf(name) === reference),
    reference,
  );
}

/** @throws RollbackError `REFERENCE_INVALID` (exit 2) */
export function checkReference(reference: string): void {
  if (NAME.test(reference) && !isDigest(reference)) return;
  throw new RollbackError({
    code: 'REFERENCE_INVALID',
    summary: `"${reference}" can't be the name of an image`,
    detail: 'A name starts with a letter or digit and has letters, digits and any of . _ - : @ + / in it.',
    fix: 'Name it like shop:v2.14.3.',
    exit: EXIT.usage,
  });
}

/** `v2` of `host:5000/shop:v2`; undefined where there is none. */
function tagOf(reference: string): string | undefined {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  return colon === -1 ? undefined : name.slice(colon + 1);
}

function theOne(entries: Descriptor[], reference: string): string | undefined {
  const { os, architecture } = thisPlatform();
  const forThis = entries.filter((e) => e.platform?.os === os && e.platform.architecture === architecture);
  const candidates = forThis.length > 0 ? forThis : entries;
  const digests = new Set(candidates.map((entry) => entry.digest));
  if (digests.size <= 1) return candidates[0]?.digest;
  const list = candidates.map((entry) => `${entry.annotations?.[REF_NAME]} (${entry.digest})`);
  throw new RollbackError({
    code: 'REFERENCE_AMBIGUOUS',
    summary: `"${reference}" means ${digests.size} images`,
    detail: `It may be: ${list.join(', ')}.`,
    fix: 'Name the image in full, like shop:v2.14.3, or by its digest.',
    exit: EXIT.usage,
  });
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
