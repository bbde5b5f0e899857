import type { Readable } from 'node:stream';
import type { BlobProblem } from './blob-store.ts';
import { imageInvalid, imageTooLarge } from './image-error.ts';
import type { Descriptor, ImageConfig, ImageConfiguration, ImageIndex, ImageManifest } from './manifest.ts';
import { parseManifest } from './manifest.ts';

/** Where the parts of images are read from: a folder, or a repository of a registry. */
export interface ImageSource {
  /**
   * The manifest of a digest, its content checked; of an image for several machines, that of one of them.
   * @throws RollbackError `IMAGE_NOT_FOUND`, `IMAGE_DAMAGED`, `IMAGE_INVALID`, `IMAGE_UNSUPPORTED` (none that fits)
   */
  manifest(digest: string): Promise<ImageManifest>;
  /** The configuration that belongs to `manifest(digest)`, its content checked. @throws RollbackError as `manifest` */
  config(digest: string): Promise<ImageConfiguration>;
  /** The content of a blob as it comes, not yet checked. Where it is cut off the stream fails with a retriable error. */
  blob(blob: Descriptor, signal: AbortSignal): Promise<Readable>;
  /** Reads a blob and compares size and SHA-256. @returns what is wrong; undefined where nothing is */
  checkBlob(blob: Descriptor, signal: AbortSignal): Promise<BlobProblem | undefined>;
}

/** A layer with the digest of what it unpacks to. */
export interface ImageLayer {
  layer: Descriptor;
  diffId: string;
}

/** The most that is unpacked of one image. */
export const MOST_BYTES = 4 * 1024 ** 3;
export const MOST_ENTRIES = 200_000;

/** An image's layers, lowest first, and how it is run. @throws RollbackError as `manifest`, and `IMAGE_TOO_LARGE` */
export async function layersOf(
  source: ImageSource,
  digest: string,
): Promise<{ layers: ImageLayer[]; config: ImageConfig }> {
  const { layers } = await source.manifest(digest);
  const { config, rootfs } = await source.config(digest);
  if (rootfs.diff_ids.length !== layers.length) {
    throw imageInvalid(
      digest,
      `It has ${layers.length} layers, and its configuration has ${rootfs.diff_ids.length} diffIDs.`,
    );
  }
  if (layers.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES)
    throw imageTooLarge('Its layers unpack to more than 4 GiB.');
  return {
    layers: layers.map((layer, i) => ({ layer, diffId: rootfs.diff_ids[i] as string })),
    config: config ?? {},
  };
}

/** Down an image's indexes, if there are any, to the manifest of one machine. @throws RollbackError `IMAGE_INVALID` */
export async function manifestBelow(
  digest: string,
  read: (digest: string, size: number | undefined) => Promise<string>,
  choose: (index: ImageIndex, digest: string) => Descriptor,
): Promise<ImageManifest> {
  let at: Pick<Descriptor, 'digest'> & { size?: number } = { digest };
  // Indexes may be nested; nobody nests them deeper.
  for (let depth = 0; depth < 4; depth++) {
    const found = parseManifest(await read(at.digest, at.size), at.digest);
    if ('manifest' in found) return found.manifest;
    at = choose(found.index, at.digest);
  }
  throw imageInvalid(digest, 'Its indexes are nested deeper than 4.');
}
