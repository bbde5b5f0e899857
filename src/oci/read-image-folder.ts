import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { imageInvalid, imageTooLarge } from './image-error.ts';
import type { ImageLayout } from './image-layout.ts';
import { resolveInside } from './inside-root.ts';
import type { ImageConfig } from './manifest.ts';
import { extractImage, unpackError } from './unpack-image.ts';

/** Characters read of one folder at the most. */
const MOST_TEXT = 64 * 1024 * 1024;

export interface ImageFile {
  /** Path in the image, `/`-separated, without a leading `/`. */
  path: string;
  content: string;
}

/**
 * The text files of a folder of the image as a process in it would see them, in order of their paths, with those in
 * folders below. Links to files are followed, links to folders are not. A relative path is meant from the image's
 * working directory. Unpacks the image to scratch for that.
 * @returns undefined where the image has no such folder
 * @throws RollbackError as `unpackImage`, and `IMAGE_INVALID` where a file is not UTF-8
 */
export async function readImageFolder(
  layout: ImageLayout,
  digest: string,
  folderInImage: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<ImageFile[] | undefined> {
  const scratch = await mkdtemp(join(tmpdir(), 'rda-image-'));
  try {
    const config = await extractImage(layout, digest, scratch, signal);
    return await readUnpackedFolder(scratch, config, folderInImage);
  } catch (error) {
    signal.throwIfAborted();
    throw unpackError(error, digest, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function readUnpackedFolder(
  root: string,
  config: ImageConfig,
  folderInImage: string,
): Promise<ImageFile[] | undefined> {
  const path = posix.join('/', folderInImage.startsWith('/') ? '' : (config.WorkingDir ?? ''), folderInImage);
  const parts = path.split('/').filter((part) => part !== '');
  const folder = await resolveInside(root, parts, path);
  if (!folder) return undefined;
  const files: ImageFile[] = [];
  await readBelow(root, folder, parts.join('/'), files);
  return files;
}

async function readBelow(root: string, real: string[], shown: string, files: ImageFile[]): Promise<void> {
  for (const name of (await readdir(join(root, ...real))).sort()) {
    const path = posix.join(shown, name);
    const at = await resolveInside(root, [...real, name], path, { file: true });
    // A link that leads nowhere is no file.
    if (!at) continue;
    const found = await lstat(join(root, ...at));
    if (found.isFile()) {
      const read = files.reduce((sum, file) => sum + file.content.length, found.size);
      if (read > MOST_TEXT) throw imageTooLarge(`${shown} holds more than 64 MiB of text.`);
      files.push({ path, content: await readText(join(root, ...at), path) });
    } else if (at.join('/') === [...real, name].join('/')) await readBelow(root, at, path, files);
  }
}

async function readText(file: string, path: string): Promise<string> {
  const content = await readFile(file);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    throw imageInvalid(`The file "${path}"`, 'It is not UTF-8 text.', error);
  }
}
