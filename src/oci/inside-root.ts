import { lstat, mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { imageInvalid, imageUnsafe } from './image-error.ts';

/** As many as Linux follows (path_resolution(7)). */
export const MOST_LINKS = 40;

/**
 * The parts of a name in a layer; none for the root itself.
 * @throws RollbackError `IMAGE_UNSAFE` where it is absolute or has `..` in it
 */
export function partsOf(name: string, entry: string): string[] {
  if (name.startsWith('/'))
    throw imageUnsafe(entry, 'Its name is absolute; names are meant from the image root.');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw imageUnsafe(entry, 'Its name has ".." in it.');
  return parts;
}

/**
 * Follows a path below `root` as a process would that has `root` for its root: an absolute symbolic link starts
 * there again. Every part must be a folder or a link to one; with `file` the last may be a file too.
 * @param options.made Where set, a part that is not there is made, and this is told of it.
 * @returns the parts of the real path; undefined where a part is not there
 * @throws RollbackError `IMAGE_UNSAFE` where a link climbs above the root; `IMAGE_INVALID` where a part is no folder
 */
export async function resolveInside(
  root: string,
  parts: string[],
  entry: string,
  options: { made?: (real: string[]) => void; file?: boolean } = {},
): Promise<string[] | undefined> {
  const pending = [...parts];
  let real: string[] = [];
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    if (part === '..') {
      if (real.length === 0)
        throw imageUnsafe(entry, 'A symbolic link on its way climbs above the image root.');
      real.pop();
      continue;
    }
    const next: string[] = [...real, part];
    const path = join(root, ...next);
    const found = await lstat(path).catch(absent);
    if (found?.isSymbolicLink()) {
      if (++links > MOST_LINKS)
        throw imageInvalid(`The entry "${entry}"`, 'Symbolic links on its way go in a circle.');
      const target = await readlink(path);
      if (target.startsWith('/')) real = [];
      pending.unshift(...target.split('/').filter((step) => step !== '' && step !== '.'));
      continue;
    }
    if (!found) {
      if (!options.made) return undefined;
      await mkdir(path, { mode: 0o755 });
      options.made(next);
    } else if (!found.isDirectory() && !(options.file && pending.length === 0)) {
      throw imageInvalid(`The entry "${entry}"`, `${next.join('/')} on its way is not a folder.`);
    }
    real = next;
  }
  return real;
}

/** For `catch`: a file that is not there is undefined, any other error stays one. */
export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
