import { link, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { BackupOutlook } from '../../model/facts.ts';
import type { BackupFile } from './backup-files.ts';
import { isAlive, listBackups, namesIn, publishBackup, sha256Of, unfinishedPath } from './backup-files.ts';
import { messageOf, notVerified } from './backup-folder.ts';
import type { Backup, VerifyDepth } from './database.ts';

/** What is known of a backup whose own format has no place for it; JSON beside it, `NAME.json`, mode 0600. */
export interface Manifest extends Omit<Backup, 'name' | 'path'> {
  format: 1;
  /** `Database.name` */
  database: string;
  /** ISO 8601, UTC. */
  takenAt: string;
  /** undefined where it belongs to no run. */
  run?: string | undefined;
  /** Version of the server, and of the tool that wrote it. */
  server: string;
  tool: string;
  /** The process that wrote it. */
  pid: number;
  /** Set once it was restored and compared, and how long that took. */
  proven?: { tookMs: number };
  /** What only the engine's adapter reads. */
  own: unknown;
}

/** Gives a dump in the making its name, with its manifest; a dump of that name without one was never finished. */
export async function publishWithManifest(
  unfinished: string,
  folder: string,
  extension: string,
  manifest: Omit<Manifest, 'format' | 'pid'>,
): Promise<Backup> {
  const draft = unfinishedPath(folder, 'manifest');
  const whole: Manifest = { format: 1, pid: process.pid, ...manifest };
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(whole)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    const nowMs = Date.parse(manifest.takenAt);
    const name = await publishBackup(unfinished, folder, nowMs, extension, (path) =>
      link(draft, manifestPath(path)),
    );
    return backupFrom(whole, { name, path: join(folder, name) });
  } finally {
    await rm(draft, { force: true });
  }
}

/** undefined where there is none, or it is not of this file: never finished, cut off, or damaged. */
async function readManifest(path: string): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(manifestPath(path), 'utf8')) as Manifest;
    const { size } = await stat(path);
    return manifest.format === 1 && manifest.bytes === size ? manifest : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Reads all of a backup.
 * @throws RollbackError `BACKUP_NOT_VERIFIED` where it, or its manifest, is not what was written
 */
export async function requireUnchanged(backup: Backup, signal: AbortSignal): Promise<Manifest> {
  const unreadable = (error: unknown) => {
    signal.throwIfAborted();
    throw notVerified(backup, `It can't be read: ${messageOf(error)}.`, error);
  };
  const { size } = await stat(backup.path).catch(unreadable);
  if (size !== backup.bytes) throw notVerified(backup, `It has ${size} bytes; ${backup.bytes} were written.`);
  const manifest = await readManifest(backup.path).catch(unreadable);
  if (!manifest)
    throw notVerified(backup, `${backup.name}.json, which says what it holds, is missing or damaged.`);
  if (manifest.contentHash !== backup.contentHash)
    throw notVerified(backup, `${backup.name}.json is not what was written.`);
  const sha256 = await sha256Of(backup.path, signal).catch(unreadable);
  if (sha256 !== backup.sha256 || sha256 !== manifest.sha256)
    throw notVerified(backup, 'Its content is not what was written: the SHA-256 differs.');
  return manifest;
}

/** Finished backups of one database in a folder, and what is asked of them. */
export function manifestBackups(options: {
  folder: string;
  extension: string;
  database: string;
  keep: number;
  /** Bytes of database that are taken and proven in a second, where none was proven yet. */
  firstRate: number;
}) {
  const { folder, extension, database, keep, firstRate } = options;
  const backups = () =>
    listBackups(folder, extension, async (path) => (await readManifest(path))?.database === database);
  return {
    backups,
    async backupOf(run: string, sinceMs: number): Promise<Backup | undefined> {
      for (const file of await backups()) {
        const manifest = await readManifest(file.path);
        if (manifest?.run !== run || Date.parse(manifest.takenAt) < sinceMs) continue;
        // What the file is now; whether that is what was written, its verification says.
        const sha256 = await sha256Of(file.path, new AbortController().signal);
        return { ...backupFrom(manifest, file), sha256 };
      }
      return undefined;
    },
    /** The newest where none is named. */
    async findBackup(name: string | undefined): Promise<Backup | undefined> {
      for (const file of await backups()) {
        const manifest = await readManifest(file.path);
        if (manifest && (name === undefined || file.name === name)) return backupFrom(manifest, file);
      }
      return undefined;
    },
    /** Remembers what was proven, and how long it took. */
    async proving(backup: Backup, depth: VerifyDepth, prove: () => Promise<void>): Promise<void> {
      const started = performance.now();
      await prove();
      const manifest = await readManifest(backup.path);
      if (depth !== 'full' || !manifest) return;
      manifest.proven = { tookMs: Math.round(performance.now() - started) };
      await writeFileAtomic(manifestPath(backup.path), `${JSON.stringify(manifest)}\n`, { mode: 0o600 });
    },
    async outlook(sizeBytes: number): Promise<BackupOutlook> {
      for (const { name, path } of await backups()) {
        const manifest = await readManifest(path);
        if (!manifest?.proven) continue;
        const { takenAt, tookMs, proven } = manifest;
        return { estimateMs: tookMs + proven.tookMs, proven: { name, takenAt } };
      }
      return { estimateMs: Math.ceil((sizeBytes / firstRate) * 1000) };
    },
    async prune(): Promise<string[]> {
      const old = (await backups()).slice(keep);
      for (const { path } of old) {
        // Without its manifest it is no backup any more, wherever this is cut off.
        await rm(manifestPath(path), { force: true });
        await rm(path, { force: true });
      }
      await removeLonelyManifests(folder, extension);
      return old.map((file) => file.name);
    },
  };
}

/** Of a process that was killed between the names of the two. */
async function removeLonelyManifests(folder: string, extension: string): Promise<void> {
  const names = await namesIn(folder);
  for (const name of names) {
    if (!/^backup-.*\.json$/.test(name) || !name.endsWith(`.${extension}.json`)) continue;
    if (names.includes(name.slice(0, -'.json'.length))) continue;
    const manifest = await readFile(join(folder, name), 'utf8').then(JSON.parse, () => ({ pid: 0 }));
    if (!isAlive(Number(manifest.pid))) await rm(join(folder, name), { force: true });
  }
}

function backupFrom(
  { bytes, sha256, rows, contentHash, notes, tookMs }: Manifest,
  { name, path }: Pick<BackupFile, 'name' | 'path'>,
): Backup {
  return { name, path, bytes, sha256, rows, contentHash, ...(notes ? { notes } : {}), tookMs };
}

function manifestPath(path: string): string {
  return `${path}.json`;
}
