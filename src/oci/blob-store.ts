import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from './durable-file.ts';
import { imageDamaged, imageNotFound, imageTooLarge } from './image-error.ts';
import type { Descriptor } from './manifest.ts';
import { isDigest, LARGEST_DOCUMENT } from './manifest.ts';

/** A blob that is not there or not what its digest says. */
export interface BlobProblem {
  digest: string;
  /** `invalid`: it is what its digest says, and no part of an image that can be read. */
  problem: 'missing' | 'damaged' | 'invalid';
  /** A sentence. */
  says: string;
}

/** Where the blob of a digest is. @throws RollbackError `IMAGE_NOT_FOUND` where it is no SHA-256 digest */
export function blobPath(layout: string, digest: string): string {
  if (!isDigest(digest)) {
    throw imageNotFound(digest, 'A digest is "sha256:" and 64 hexadecimal digits.');
  }
  return join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/**
 * Compares size and SHA-256 with what they must be; `size` undefined where it is not known.
 * @returns what is wrong; undefined where nothing is
 */
export async function checkBlob(
  layout: string,
  { digest, size }: { digest: string; size: number | undefined },
  signal: AbortSignal,
): Promise<BlobProblem | undefined> {
  const path = blobPath(layout, digest);
  const problem = (kind: BlobProblem['problem'], says: string) => ({ digest, problem: kind, says });
  const found = await fileSize(path);
  if (found === undefined) return problem('missing', `Blob ${digest} is missing.`);
  if (size !== undefined && found !== size) {
    return problem('damaged', `Blob ${digest} is ${found} bytes long, not ${size}.`);
  }
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 1 << 18 })) {
    hash.update(chunk as Buffer);
  }
  const actual = `sha256:${hash.digest('hex')}`;
  return actual === digest ? undefined : problem('damaged', `Blob ${digest} has the content of ${actual}.`);
}

/**
 * A manifest or configuration, checked against its digest.
 * @throws RollbackError `IMAGE_NOT_FOUND`, `IMAGE_DAMAGED`, `IMAGE_TOO_LARGE`
 */
export async function readDocument(layout: string, digest: string, size?: number): Promise<string> {
  const path = blobPath(layout, digest);
  const found = await fileSize(path);
  if (found === undefined) throw imageNotFound(digest, `Blob ${digest} is missing.`);
  if (size !== undefined && found !== size) {
    throw imageDamaged(`Blob ${digest} is ${found} bytes long, not ${size}.`);
  }
  if (found > LARGEST_DOCUMENT) {
    throw imageTooLarge(`${digest} is ${found} bytes long; a manifest may have ${LARGEST_DOCUMENT}.`);
  }
  const content = await readFile(path);
  const actual = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  if (actual !== digest) throw imageDamaged(`Blob ${digest} has the content of ${actual}.`);
  return content.toString('utf8');
}

/** Writes a blob under its digest, durably; a reader never sees a part of it. */
export async function writeBlob(
  layout: string,
  mediaType: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Descriptor> {
  const draft = join(layout, `.blob-${randomBytes(6).toString('hex')}.tmp`);
  const hash = createHash('sha256');
  let size = 0;
  try {
    const file = await open(draft, 'wx', 0o644);
    try {
      for await (const chunk of content) {
        hash.update(chunk);
        size += chunk.length;
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const digest = `sha256:${hash.digest('hex')}`;
    await rename(draft, blobPath(layout, digest));
    await syncFolder(join(layout, 'blobs', 'sha256'));
    return { mediaType, digest, size };
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

async function fileSize(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
