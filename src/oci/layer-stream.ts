import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ReadEntry } from 'tar';
import { RollbackError } from '../model/error.ts';
import { imageDamaged, imageInvalid, imageTooLarge, imageUnsupported } from './image-error.ts';
import type { ImageLayer, ImageSource } from './image-source.ts';
import type { Allowance } from './layer-entries.ts';
import { entriesOf } from './layer-entries.ts';
import type { Descriptor } from './manifest.ts';

/** Bytes unpacked at a time. */
const CHUNK = 256 * 1024;

const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1|docker\.image\.rootfs\.diff)\.tar(?:[+.](\w+))?$/;

/**
 * Hands over the entries of a layer one after the other, and checks the blob's digest and size and the diffID of what
 * it unpacks to while they pass. What was handed over counts only once this has returned.
 * @throws RollbackError `IMAGE_DAMAGED`, `IMAGE_INVALID`, `IMAGE_UNSUPPORTED`, `IMAGE_TOO_LARGE`, and what `onEntry` throws
 */
export async function readLayer(
  source: ImageSource,
  { layer, diffId }: ImageLayer,
  allowance: Allowance,
  signal: AbortSignal,
  onEntry: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  const compressed = isCompressed(layer);
  try {
    await streamLayer(source, layer, compressed, diffId, allowance, signal, onEntry);
  } catch (error) {
    signal.throwIfAborted();
    // What was cut off says nothing of the content.
    if (error instanceof RollbackError && error.retriable) throw error;
    // Damage shows first as something else: as bytes that are no gzip, as odd names. Say what it comes from.
    const problem = await source.checkBlob(layer, signal);
    if (problem) throw imageDamaged(problem.says);
    throw error;
  }
}

async function streamLayer(
  source: ImageSource,
  layer: Descriptor,
  compressed: boolean,
  diffId: string,
  allowance: Allowance,
  signal: AbortSignal,
  onEntry: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  const [file, tar] = await Promise.all([
    source.blob(layer, signal),
    entriesOf(layer.digest, allowance, onEntry),
  ]);
  const blobHash = createHash('sha256');
  const diffHash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      blobHash.update(chunk);
      done(null, chunk);
    },
  });
  const content = compressed ? createGunzip({ chunkSize: CHUNK }) : hashing;
  const feeding = compressed
    ? pipeline(file, hashing, content, { signal })
    : pipeline(file, hashing, { signal });
  // It is awaited further down; until then a rejection must not count as one that nobody handles.
  feeding.catch(() => undefined);
  try {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      diffHash.update(chunk);
      allowance.bytes -= chunk.length;
      if (allowance.bytes < 0) throw imageTooLarge('Its layers unpack to more than 4 GiB.');
      await tar.write(chunk);
    }
    await feeding;
    await tar.end();
  } catch (error) {
    file.destroy();
    await Promise.allSettled([feeding, tar.stop()]);
    signal.throwIfAborted();
    throw isZlibError(error) ? imageInvalid(layer.digest, `It is not gzip: ${error.message}.`, error) : error;
  }
  const blob = `sha256:${blobHash.digest('hex')}`;
  if (blob !== layer.digest) throw imageDamaged(`Blob ${layer.digest} has the content of ${blob}.`);
  const diff = `sha256:${diffHash.digest('hex')}`;
  if (diff !== diffId) {
    throw imageInvalid(layer.digest, `It unpacks to ${diff}, but the image's configuration says ${diffId}.`);
  }
}

function isCompressed(layer: Descriptor): boolean {
  const match = LAYER.exec(layer.mediaType);
  const compression = match?.[1];
  if (match && compression === undefined) return false;
  if (match && compression === 'gzip') return true;
  throw imageUnsupported(
    layer.digest,
    `Layers of type ${layer.mediaType} are not read, only tar and tar+gzip.`,
    'Copy the image anew with gzip layers: skopeo copy --dest-compress-format gzip SOURCE oci:FOLDER:NAME:TAG',
  );
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
