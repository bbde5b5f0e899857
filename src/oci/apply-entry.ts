import { chmod, link, lstat, mkdir, open, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ReadEntry } from 'tar';
import { imageInvalid, imageUnsafe, imageUnsupported, replacesItsTarget } from './image-error.ts';
import { absent, partsOf, resolveInside } from './inside-root.ts';
import { hiddenBy, OPAQUE, WHITEOUT } from './whiteout.ts';

/** A layer on its way into a folder. */
export interface LayerTarget {
  /** Absolute; nobody else writes there meanwhile. */
  root: string;
  /** Real paths, from the root, of what this layer has made or holds: its whiteouts leave them alone. */
  ofThisLayer: Set<string>;
  /** The folder of the entry before, which most often is that of the next too. */
  lastParent?: { name: string; real: string[] } | undefined;
}

/**
 * Carries one entry of a layer into the root. Links are kept as they are and never written through. Owners, extended
 * attributes, setuid, setgid and sticky bits are dropped; the owner can always read, and write to folders.
 * @throws RollbackError `IMAGE_UNSAFE`, `IMAGE_UNSUPPORTED`, `IMAGE_INVALID`
 */
export async function applyEntry(target: LayerTarget, entry: ReadEntry): Promise<void> {
  const parts = partsOf(entry.path, entry.path);
  const name = parts.pop();
  if (parts.some((part) => part.startsWith(WHITEOUT))) {
    throw imageInvalid(`The entry "${entry.path}"`, `A folder's name starts with "${WHITEOUT}".`);
  }
  if (name === undefined) {
    if (entry.type === 'Directory') return;
    throw imageUnsafe(entry.path, 'It would take the place of the image root.');
  }
  if (name.startsWith(WHITEOUT)) {
    target.lastParent = undefined;
    return whiteOut(target, parts, name, entry.path);
  }
  const parent = await parentOf(target, parts, entry.path);
  const real = [...parent, name];
  await makeEntry(target, entry, join(target.root, ...real));
  // Its folders too: a whiteout of one of them deletes only what lower layers put there.
  for (let depth = real.length; depth > 0; depth--) target.ofThisLayer.add(real.slice(0, depth).join('/'));
}

async function parentOf(target: LayerTarget, parts: string[], entry: string): Promise<string[]> {
  const name = parts.join('/');
  if (target.lastParent?.name === name) return target.lastParent.real;
  const made = (real: string[]) => void target.ofThisLayer.add(real.join('/'));
  const real = (await resolveInside(target.root, parts, entry, { made })) as string[];
  target.lastParent = { name, real };
  return real;
}

async function makeEntry(target: LayerTarget, entry: ReadEntry, path: string): Promise<void> {
  const before = await lstat(path).catch(absent);
  const replace = async () => {
    if (!before) return;
    // What is deleted may have been on the way to that folder.
    target.lastParent = undefined;
    await rm(path, { recursive: true });
  };
  switch (entry.type) {
    case 'Directory':
      if (!before?.isDirectory()) {
        await replace();
        await mkdir(path);
      }
      return chmod(path, ((entry.mode ?? 0o755) & 0o777) | 0o700);
    case 'File':
    case 'OldFile':
    case 'ContiguousFile':
      await replace();
      return writeEntry(entry, path);
    case 'SymbolicLink':
      await replace();
      return symlink(entry.linkpath ?? '', path);
    case 'Link': {
      const from = await linkedFile(target.root, entry);
      if (from === path) throw imageInvalid(`The entry "${entry.path}"`, 'It is a hard link to itself.');
      if (from.startsWith(join(path, sep))) {
        throw imageInvalid(`The entry "${entry.path}"`, replacesItsTarget(entry.linkpath ?? ''));
      }
      await replace();
      return link(from, path);
    }
    default:
      throw imageUnsupported(
        `The image's entry "${entry.path}"`,
        `It is of type ${entry.type}; only files, folders and links are unpacked.`,
      );
  }
}

async function writeEntry(entry: ReadEntry, path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await writeFile(file, entry);
    await file.chmod(((entry.mode ?? 0o644) & 0o777) | 0o400);
    if (entry.mtime) await file.utimes(entry.mtime, entry.mtime);
  } finally {
    await file.close();
  }
}

async function linkedFile(root: string, entry: ReadEntry): Promise<string> {
  const parts = partsOf(entry.linkpath ?? '', entry.path);
  const name = parts.pop();
  const parent = name === undefined ? undefined : await resolveInside(root, parts, entry.path);
  const path = parent && name !== undefined ? join(root, ...parent, name) : undefined;
  const found = path === undefined ? undefined : await lstat(path).catch(absent);
  if (path !== undefined && found && !found.isDirectory()) return path;
  throw imageInvalid(
    `The entry "${entry.path}"`,
    `It is a hard link to ${entry.linkpath}, which is ${found ? 'a folder' : 'not there'}.`,
  );
}

async function whiteOut(
  { root, ofThisLayer }: LayerTarget,
  parts: string[],
  name: string,
  entry: string,
): Promise<void> {
  const parent = await resolveInside(root, parts, entry);
  if (!parent) return;
  if (name === OPAQUE) {
    for (const child of await readdir(join(root, ...parent)))
      await removeLower(root, [...parent, child], ofThisLayer);
    return;
  }
  await removeLower(root, [...parent, hiddenBy(name, entry)], ofThisLayer);
}

/** Deletes a path but for what this layer has put there. */
async function removeLower(root: string, real: string[], ofThisLayer: Set<string>): Promise<void> {
  const path = join(root, ...real);
  if (!ofThisLayer.has(real.join('/'))) return rm(path, { recursive: true, force: true });
  if (!(await lstat(path).catch(absent))?.isDirectory()) return;
  for (const child of await readdir(path)) await removeLower(root, [...real, child], ofThisLayer);
}
