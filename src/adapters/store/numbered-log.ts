import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
// `link` is the commit point of every write; by this import a preload can stand before and behind it.
import { access, constants, link, mkdir, open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { removeLeftovers, temporaryName } from './leftovers.ts';
import { stateError } from './state-error.ts';

/**
 * The store's one primitive: a folder of numbered files in which each number is written at most once, by whoever is
 * first. A number's file appears whole or not at all, and never changes: it is written under another name, fsynced,
 * and hard-linked to its number, which fails where the number is taken. Then the folder is fsynced.
 *
 * @returns `taken` where somebody else wrote that number.
 * @throws RollbackError `STATE_UNUSABLE`. The file may then be there all the same: read again before trying again.
 */
export async function writeNumber(
  folder: string,
  number: number,
  text: string,
): Promise<'written' | 'taken'> {
  const path = numberPath(folder, number);
  const temporary = join(folder, temporaryName(number, randomBytes(4).toString('hex')));
  let doing: 'write' | 'link' = 'write';
  try {
    await makeFolder(folder);
    await removeLeftovers(folder);
    await writeDurably(temporary, text);
    doing = 'link';
    const written = await linkOnce(temporary, path);
    doing = 'write';
    await unlink(temporary);
    if (!written) return 'taken';
    await syncFolder(folder);
    return 'written';
  } catch (error) {
    await unlink(temporary).catch(() => {
      // It was never made, or the folder takes no change: then the next writer removes it.
    });
    throw stateError(error, path, doing);
  }
}

/** Text of a number; undefined where there is no such number. */
export async function readNumber(folder: string, number: number): Promise<string | undefined> {
  const path = numberPath(folder, number);
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw stateError(error, path, 'read');
  }
}

/** Numbers in the folder, ascending; none where there is no folder. */
export async function numbersIn(folder: string): Promise<number[]> {
  const found = await list(folder);
  return found
    .map(({ name }) => /^(\d{6,})\.json$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/** Names of the folders in a folder, sorted; none where there is no folder. What systems put there (`.DS_Store`) is left out. */
export async function foldersIn(folder: string): Promise<string[]> {
  const found = await list(folder);
  return found
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}

export function numberPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(6, '0')}.json`);
}

/** Removes a number; fine where it is gone already. */
export async function removeNumber(folder: string, number: number): Promise<void> {
  const path = numberPath(folder, number);
  try {
    await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw stateError(error, path, 'write');
  }
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw stateError(error, folder, 'read');
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** False where the number was taken by another writer. */
async function linkOnce(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    // A network file system may repeat a link whose answer got lost; the second name then is ours (open(2), O_EXCL).
    return (await stat(temporary)).nlink === 2;
  }
}

/** Makes the folder and what is above it, each durable in its parent. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 }).catch(async (error) => {
    // On a read-only file system a recursive mkdir says ENOENT; the folder above says what is the matter.
    await access(await nearestFolder(folder), constants.W_OK);
    throw error;
  });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

async function nearestFolder(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  return found || folder === dirname(folder) ? folder : nearestFolder(dirname(folder));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
