import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { syncFolder } from './durable-file.ts';
import { layoutInvalid, layoutNotFound } from './image-error.ts';
import type { ImageIndex } from './manifest.ts';
import { checkIndex } from './manifest.ts';

/** The marker file of a layout (OCI image spec 1.1, "oci-layout file"). */
export const MARKER = 'oci-layout';
const LAYOUT_VERSION = '1.0.0';

/** Makes the folder a layout; the last thing that is written of a new one. */
export async function writeMarker(path: string): Promise<void> {
  await writeFileAtomic(join(path, MARKER), JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION }));
  await syncFolder(path);
}

/** @throws RollbackError `LAYOUT_NOT_FOUND`, `LAYOUT_INVALID` where it is of another version */
export async function checkMarker(path: string): Promise<void> {
  const marker = await readText(join(path, MARKER), path);
  if (marker === undefined) throw layoutNotFound(path, 'The folder has no file "oci-layout".');
  const version = parsed(marker, MARKER, path).imageLayoutVersion;
  if (version === LAYOUT_VERSION) return;
  throw layoutInvalid(
    path,
    `Its layout version is ${JSON.stringify(version)}; this product reads "${LAYOUT_VERSION}".`,
  );
}

/** @throws RollbackError `LAYOUT_INVALID` */
export async function readIndex(path: string): Promise<ImageIndex> {
  const text = await readText(join(path, 'index.json'), path);
  if (text === undefined) throw layoutInvalid(path, 'The folder has no file "index.json".');
  const value = parsed(text, 'index.json', path) as Partial<ImageIndex>;
  try {
    return checkIndex(value, 'index.json');
  } catch (error) {
    throw layoutInvalid(path, 'Its index.json has no valid list of manifests.', error);
  }
}

/** Replaces index.json as a whole, durably: a reader sees the old one or the new one. */
export async function writeIndex(path: string, index: ImageIndex): Promise<void> {
  await writeFileAtomic(join(path, 'index.json'), JSON.stringify(index));
  await syncFolder(path);
}

async function readText(file: string, layout: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw layoutInvalid(layout, `${message}.`, error);
  }
}

function parsed(text: string, file: string, layout: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw layoutInvalid(layout, `Its ${file} is not JSON: ${(error as Error).message}.`, error);
  }
  throw layoutInvalid(layout, `Its ${file} is not a JSON object.`);
}
