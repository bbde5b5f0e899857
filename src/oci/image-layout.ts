import { createReadStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RollbackError } from '../model/error.ts';
import type { BlobProblem } from './blob-store.ts';
import { blobPath, checkBlob, readDocument, writeBlob } from './blob-store.ts';
import { imageUnsupported } from './image-error.ts';
import { type ImageSource, manifestBelow } from './image-source.ts';
import { checkMarker, MARKER, readIndex, writeIndex, writeMarker } from './layout-files.ts';
import type { Descriptor, ImageIndex, ImageManifest } from './manifest.ts';
import { MEDIA_TYPE, parseConfiguration, parseManifest } from './manifest.ts';
import type { NamedImage } from './reference.ts';
import { checkReference, findReference, REF_NAME, references } from './reference.ts';
import { thisPlatform } from './this-platform.ts';

/** Bytes read at a time. */
const CHUNK = 256 * 1024;

/**
 * A folder of images in the OCI image layout format (OCI image spec 1.1, "Image Layout"). Everything is read anew at
 * each call, so that tags moved by others are seen. Readers may be many; writers one at a time. Of an image for several
 * machines that for this one is taken.
 */
export interface ImageLayout extends ImageSource {
  /** As it was opened. */
  readonly path: string;
  /** Every name and what it points at, in the order of index.json. @throws RollbackError `LAYOUT_INVALID` */
  references(): Promise<NamedImage[]>;
  /**
   * The digest that a reference means now: `shop:v2.14.3`, a bare tag `v2.14.3`, or a digest `sha256:...` (also after
   * `@`). Undefined where there is none.
   * @throws RollbackError `REFERENCE_AMBIGUOUS` where a bare tag belongs to several names; `LAYOUT_INVALID`
   */
  resolve(reference: string): Promise<string | undefined>;
  /**
   * Reads every blob that running the image needs and compares size and SHA-256.
   * @returns what is missing or damaged; empty where the image is whole
   */
  verify(digest: string, signal: AbortSignal): Promise<BlobProblem[]>;
  /**
   * Points a name at an image. What the name meant before stays in the layout, without a name.
   * @throws RollbackError `REFERENCE_INVALID`, `IMAGE_NOT_FOUND`, `IMAGE_DAMAGED`
   */
  tag(digest: string, reference: string): Promise<void>;
  /** Adds content under its digest, durably. */
  addBlob(mediaType: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Descriptor>;
  /** Where the content of a digest is, whether or not it is there. */
  blobPath(digest: string): string;
}

/** Opens a layout that is there. @throws RollbackError `LAYOUT_NOT_FOUND` (exit 2), `LAYOUT_INVALID` */
export async function openLayout(path: string): Promise<ImageLayout> {
  await checkMarker(path);
  await readIndex(path);
  return layoutAt(path);
}

/** Makes an empty layout; one that is there already is opened. @throws RollbackError `LAYOUT_INVALID` */
export async function createLayout(path: string): Promise<ImageLayout> {
  if (await stat(join(path, MARKER)).catch(() => undefined)) return openLayout(path);
  await mkdir(join(path, 'blobs', 'sha256'), { recursive: true });
  await writeIndex(path, { schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: [] });
  await writeMarker(path);
  return openLayout(path);
}

function layoutAt(path: string): ImageLayout {
  return {
    path,
    references: async () => references(await readIndex(path)),
    resolve: async (reference) => findReference(await readIndex(path), reference, blobPath.bind(null, path)),
    manifest: (digest) => imageOf(path, digest),
    async config(digest) {
      const { config } = await imageOf(path, digest);
      return parseConfiguration(await readDocument(path, config.digest, config.size), config.digest);
    },
    blob: async (blob) => createReadStream(blobPath(path, blob.digest), { highWaterMark: CHUNK }),
    checkBlob: (blob, signal) => checkBlob(path, blob, signal),
    verify: (digest, signal) => verify(path, digest, signal),
    tag: (digest, reference) => tag(path, digest, reference),
    addBlob: (mediaType, content) => writeBlob(path, mediaType, content),
    blobPath: (digest) => blobPath(path, digest),
  };
}

function imageOf(path: string, digest: string): Promise<ImageManifest> {
  return manifestBelow(digest, (at, size) => readDocument(path, at, size), forThisPlatform);
}

function forThisPlatform(index: ImageIndex, digest: string): Descriptor {
  const { os, architecture } = thisPlatform();
  const match = index.manifests.find(
    (m) => m.platform?.os === os && m.platform.architecture === architecture,
  );
  const only = index.manifests.length === 1 ? index.manifests[0] : undefined;
  const chosen = match ?? (only?.platform === undefined ? only : undefined);
  if (chosen) return chosen;
  const there = index.manifests.map((m) =>
    m.platform ? `${m.platform.os}/${m.platform.architecture}` : '?',
  );
  throw imageUnsupported(
    digest,
    `It has no image for ${os}/${architecture}, only for: ${there.join(', ') || 'none'}.`,
    'Build the image for this machine, or choose another release: rollback-deploy-auto releases',
  );
}

async function verify(path: string, digest: string, signal: AbortSignal): Promise<BlobProblem[]> {
  try {
    const top = await checkBlob(path, { digest, size: undefined }, signal);
    if (top) return [top];
    const manifest = await imageOf(path, digest);
    const problems: BlobProblem[] = [];
    const unique = new Map([manifest.config, ...manifest.layers].map((blob) => [blob.digest, blob]));
    for (const blob of unique.values()) {
      const problem = await checkBlob(path, blob, signal);
      if (problem) problems.push(problem);
    }
    if (problems.length === 0) {
      parseConfiguration(await readDocument(path, manifest.config.digest), manifest.config.digest);
    }
    return problems;
  } catch (error) {
    if (!(error instanceof RollbackError)) throw error;
    const problem = PROBLEM_OF[error.code];
    if (!problem) throw error;
    return [{ digest, problem, says: error.detail ?? `${error.summary}.` }];
  }
}

const PROBLEM_OF: Record<string, BlobProblem['problem']> = {
  IMAGE_NOT_FOUND: 'missing',
  IMAGE_DAMAGED: 'damaged',
  IMAGE_INVALID: 'invalid',
  IMAGE_UNSUPPORTED: 'invalid',
  IMAGE_TOO_LARGE: 'invalid',
};

async function tag(path: string, digest: string, reference: string): Promise<void> {
  checkReference(reference);
  const text = await readDocument(path, digest);
  const content = parseManifest(text, digest);
  const mediaType =
    'manifest' in content
      ? (content.manifest.mediaType ?? MEDIA_TYPE.manifest)
      : (content.index.mediaType ?? MEDIA_TYPE.index);
  const index = await readIndex(path);
  const others = index.manifests.map((entry) => {
    if (entry.annotations?.[REF_NAME] !== reference) return entry;
    const { [REF_NAME]: _, ...rest } = entry.annotations;
    return { ...entry, annotations: rest };
  });
  const named = {
    mediaType,
    digest,
    size: Buffer.byteLength(text),
    annotations: { [REF_NAME]: reference },
  };
  // An entry without a name keeps the image from being collected as garbage; beside one with a name it is not needed.
  const kept = others.filter(
    (entry) => entry.annotations?.[REF_NAME] !== undefined || entry.digest !== digest,
  );
  await writeIndex(path, { ...index, manifests: [...kept, named] });
}
