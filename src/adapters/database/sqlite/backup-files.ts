import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { link, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DumpHeader, DumpSummary } from './dump.ts';
import { completionLine, HEADER_START, SUMMARY_START } from './dump.ts';

export interface BackupFile {
  name: string;
  path: string;
  bytes: number;
}

const NAME = /^backup-(\d{8}-\d{6})(?:-(\d+))?\.sql$/;
/** Files in the making and scratch databases, with the id of the process that they belong to. */
const UNFINISHED = /^\.backup-(\d+)-[0-9a-f]+\.(?:partial|scratch)(?:-wal|-shm|-journal)?$/;

/** A name for a file in the making, or a scratch database, beside the backups. */
export function unfinishedPath(folder: string, kind: 'partial' | 'scratch'): string {
  return join(folder, `.backup-${process.pid}-${randomBytes(4).toString('hex')}.${kind}`);
}

/** Gives a file its final name, `backup-YYYYMMDD-HHMMSS.sql` (UTC), with `-2` and so on where that is taken. */
export async function publishBackup(unfinished: string, folder: string, nowMs: number): Promise<string> {
  const stamp = new Date(nowMs)
    .toISOString()
    .replace(/[-:]|\.\d+Z$/g, '')
    .replace('T', '-');
  for (let n = 1; ; n++) {
    const name = `backup-${stamp}${n === 1 ? '' : `-${n}`}.sql`;
    try {
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

/** Finished backups, newest first. */
export async function listBackups(folder: string): Promise<BackupFile[]> {
  const found: (BackupFile & { order: string })[] = [];
  for (const name of await namesIn(folder)) {
    const match = NAME.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    if ((await readBackup(path)) === undefined) continue;
    const order = `${match[1]}-${(match[2] ?? '1').padStart(6, '0')}`;
    found.push({ name, path, bytes: (await stat(path)).size, order });
  }
  found.sort((a, b) => (a.order < b.order ? 1 : -1));
  return found.map(({ order: _, ...file }) => file);
}

/** Header and summary as the backup itself tells them; undefined where it was never finished, or was cut off. */
export async function readBackup(
  path: string,
): Promise<{ header: DumpHeader; summary: DumpSummary } | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = (await readAt(file, 0, Math.min(size, 8192))).split('\n', 1)[0] as string;
    if (!header.startsWith(HEADER_START)) return undefined;
    for (let length = Math.min(size, 65_536); ; length = Math.min(size, length * 8)) {
      const tail = await readAt(file, size - length, length);
      const at = tail.lastIndexOf(`\n${SUMMARY_START}`);
      if (at === -1 && length < size) continue;
      const [summaryLine, lastLine, rest] = tail.slice(at + 1).split('\n');
      if (at === -1 || !summaryLine || rest !== '') return undefined;
      const summary = JSON.parse(summaryLine.slice(SUMMARY_START.length)) as DumpSummary;
      if (lastLine !== completionLine(summary)) return undefined;
      return { header: JSON.parse(header.slice(HEADER_START.length)) as DumpHeader, summary };
    }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** Deletes what processes that are gone left unfinished. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const pid = UNFINISHED.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

/** Deletes all but the newest `keep` finished backups; returns the names of those deleted. */
export async function pruneBackups(folder: string, keep: number): Promise<string[]> {
  const old = (await listBackups(folder)).slice(keep);
  for (const file of old) await rm(file.path, { force: true });
  return old.map((file) => file.name);
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // Below a file there is no folder either; making it says so.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.toString('utf8', 0, bytesRead);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
