import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RollbackError } from '../model/error.ts';
import { applyEntry } from './apply-entry.ts';
import { syncFolder } from './durable-file.ts';
import type { ImageLayout } from './image-layout.ts';
import { layersOf, MOST_BYTES, MOST_ENTRIES } from './image-source.ts';
import { absent } from './inside-root.ts';
import { readLayer } from './layer-stream.ts';
import type { ImageConfig } from './manifest.ts';

/** Files that are made durable at the same time; the file system does several in about the time of one. */
const SYNCS_AT_ONCE = 16;

/**
 * Unpacks an image: manifest, configuration, every layer and every diffID are checked against their digests. Made
 * beside `into`, made durable, and renamed: `into` is whole or not there at all. What an unpacking that was killed
 * left beside it is cleared away.
 * @param into Must not be there, or be an empty folder.
 * @throws RollbackError `IMAGE_NOT_FOUND`, `IMAGE_DAMAGED`, `IMAGE_INVALID`, `IMAGE_UNSUPPORTED`, `IMAGE_UNSAFE`,
 * `IMAGE_TOO_LARGE` (4 GiB or 200,000 entries), `UNPACK_FAILED` where the disk refuses. The signal's reason where aborted.
 */
export async function unpackImage(
  layout: ImageLayout,
  digest: string,
  into: string,
  signal: AbortSignal,
): Promise<{ config: ImageConfig }> {
  let draft: string | undefined;
  try {
    await refuseTaken(into);
    await clearLeftovers(into);
    draft = await mkdtemp(`${into}.tmp-${process.pid}-`);
    const config = await extractImage(layout, digest, draft, signal);
    await syncTree(draft, signal);
    await rename(draft, into);
    await syncFolder(dirname(into));
    return { config };
  } catch (error) {
    if (draft !== undefined) await rm(draft, { recursive: true, force: true });
    signal.throwIfAborted();
    throw unpackError(error, digest, into);
  }
}

/** Unpacks into a folder that is there and empty; neither durable nor whole where it throws. */
async function extractImage(
  layout: ImageLayout,
  digest: string,
  root: string,
  signal: AbortSignal,
): Promise<ImageConfig> {
  signal.throwIfAborted();
  const { layers, config } = await layersOf(layout, digest);
  const allowance = { bytes: MOST_BYTES, entries: MOST_ENTRIES };
  for (const layer of layers) {
    const target = { root, ofThisLayer: new Set<string>() };
    await readLayer(layout, layer, allowance, signal, (entry) => applyEntry(target, entry));
  }
  return config;
}

/** What the file system refuses, as an error that says what to do. */
function unpackError(error: unknown, digest: string, into: string): unknown {
  if (error instanceof RollbackError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new RollbackError({
    code: 'UNPACK_FAILED',
    summary: `Cannot unpack image ${digest}`,
    detail:
      code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR'
        ? `${into} is there already, and is no empty folder.`
        : `${message}.`,
    fix: 'Make room or correct the folder, then run the same command again.',
    cause: error,
  });
}

/** Before all the work; the rename at its end says it again. */
async function refuseTaken(into: string): Promise<void> {
  const there = await readdir(into).catch(absent);
  if (there && there.length > 0) throw Object.assign(new Error(`${into} is taken`), { code: 'ENOTEMPTY' });
}

async function clearLeftovers(into: string): Promise<void> {
  const prefix = `${basename(into)}.tmp-`;
  for (const name of await readdir(dirname(into))) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN;
    if (pid > 0 && pid !== process.pid && !isAlive(pid)) {
      await rm(join(dirname(into), name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function syncTree(root: string, signal: AbortSignal): Promise<void> {
  const files: string[] = [];
  const folders = [root];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) folders.push(join(folder, entry.name));
      else if (entry.isFile()) files.push(join(folder, entry.name));
    }
  }
  const pending = [...files, ...folders.reverse()];
  await Promise.all(
    Array.from({ length: SYNCS_AT_ONCE }, async () => {
      for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
        signal.throwIfAborted();
        await syncPath(path);
      }
    }),
  );
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
