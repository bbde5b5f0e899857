import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface BackupFile {
  name: string;
  path: string;
  bytes: number;
}

const NAME = /^backup-(\d{8}-\d{6})(?:-(\d+))?\.([a-z]+)$/;
/** Files in the making and scratch databases, with the id of the process that they belong to. */
const UNFINISHED = /^\.backup-(\d+)-[0-9a-f]+\.(?:partial|manifest|scratch)(?:-wal|-shm|-journal)?$/;

/** A name for a file in the making, or a scratch database, beside the backups. */
export function unfinishedPath(folder: string, kind: 'partial' | 'manifest' | 'scratch'): string {
  return join(folder, `.backup-${process.pid}-${randomBytes(4).toString('hex')}.${kind}`);
}

/**
 * Gives a file its final name, `backup-YYYYMMDD-HHMMSS.EXTENSION` (UTC), with `-2` and so on where that is taken.
 * `claim` is called with the path before the file gets it; what throws `EEXIST` there takes the name too.
 */
export async function publishBackup(
  unfinished: string,
  folder: string,
  nowMs: number,
  extension: string,
  claim: (path: string) => Promise<void> = async () => {},
): Promise<string> {
  const stamp = new Date(nowMs)
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-');
  for (let n = 1; ; n++) {
    const name = `backup-${stamp}${n === 1 ? '' : `-${n}`}.${extension}`;
    try {
      await claim(join(folder, name));
      // Unlike a rename, a link never replaces what is there.
      await link(unfinished, join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    await rm(unfinished);
    await syncFolder(folder);
    return name;
  }
}

/** Backups of that extension that `finished` says are whole, newest first. */
export async function listBackups(
  folder: string,
  extension: string,
  finished: (path: string) => Promise<boolean>,
): Promise<BackupFile[]> {
  const found: (BackupFile & { order: string })[] = [];
  for (const name of await namesIn(folder)) {
    const match = NAME.exec(name);
    if (match?.[3] !== extension) continue;
    const path = join(folder, name);
    if (!(await finished(path))) continue;
    const order = `${match[1]}-${(match[2] ?? '1').padStart(6, '0')}`;
    found.push({ name, path, bytes: (await stat(path)).size, order });
  }
  found.sort((a, b) => (a.order < b.order ? 1 : -1));
  return found.map(({ order: _, ...file }) => file);
}

/** Deletes what processes that are gone left unfinished. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const pid = UNFINISHED.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** SHA-256 of a file, hex. Reads the whole of it. */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  return hash.digest('hex');
}

/** Names in a folder; none where there is no such folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // Below a file there is no folder either; making it says so.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** Whether a process of that id runs here. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
