import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { access, constants, mkdir, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import type { Backup, BackupContext } from '../database.ts';
import { publishBackup, removeAbandoned, unfinishedPath } from './backup-files.ts';
import { beginSnapshot, databaseBytes, messageOf, openForReading } from './connection.ts';
import type { DumpHeader } from './dump.ts';
import { totalRows, writeDump } from './dump.ts';
import type { SqliteOptions } from './options.ts';

/** The dump (binary values are twice as long in it) and the scratch copy it is proven with, per byte of database. */
const SPACE_FACTOR = 3;
const SPARE_BYTES = 10_000_000;
const BUFFER_BYTES = 256 * 1024;

/** Takes a backup as `Database.backUp` promises. */
export async function backUpSqlite(
  options: SqliteOptions,
  name: string,
  context: BackupContext,
): Promise<Backup> {
  const folder = options.backupFolder;
  const started = performance.now();
  let unfinished: string | undefined;
  try {
    const db = await openForReading(options.path, name, context.signal);
    try {
      await makeFolder(folder);
      await removeAbandoned(folder);
      await requireSpace(folder, await databaseBytes(options.path));
      unfinished = unfinishedPath(folder, 'partial');
      const header: DumpHeader = {
        format: 1,
        database: name,
        takenAt: new Date(context.nowMs).toISOString(),
        run: context.run,
      };
      const file = await open(unfinished, 'wx', 0o600);
      await beginSnapshot(db, name, context.signal).catch(async (error) => {
        await file.close();
        throw error;
      });
      const written = await writeTo(file, context, (output) => writeDump(db, header, output));
      const final = await publishBackup(unfinished, folder, context.nowMs);
      return {
        name: final,
        path: join(folder, final),
        bytes: written.bytes,
        sha256: written.sha256,
        rows: written.summary.rows,
        contentHash: written.summary.contentHash,
        tookMs: Math.round(performance.now() - started),
      };
    } finally {
      db.close();
    }
  } catch (error) {
    if (unfinished) await rm(unfinished, { force: true });
    context.signal.throwIfAborted();
    throw backupFailed(name, folder, error);
  }
}

type Dump = (output: Parameters<typeof writeDump>[2]) => ReturnType<typeof writeDump>;

async function writeTo(file: FileHandle, context: BackupContext, dump: Dump) {
  const hash = createHash('sha256');
  let pieces: string[] = [];
  let pending = 0;
  let bytes = 0;
  const drain = async () => {
    const buffer = Buffer.from(pieces.join(''));
    pieces = [];
    pending = 0;
    hash.update(buffer);
    for (let at = 0; at < buffer.length; ) at += (await file.write(buffer, at)).bytesWritten;
    bytes += buffer.length;
  };
  try {
    const summary = await dump({
      signal: context.signal,
      write(text) {
        pieces.push(text);
        pending += text.length;
      },
      async flush(rows) {
        if (pending < BUFFER_BYTES) return;
        await drain();
        context.progress({ bytes, rows });
      },
    });
    await drain();
    await file.sync();
    context.progress({ bytes, rows: totalRows(summary.rows) });
    return { summary, bytes, sha256: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(async (error) => {
    // On a read-only file system a recursive mkdir says ENOENT; the folder above says what is the matter.
    let above = dirname(folder);
    while (above !== dirname(above) && !(await stat(above).catch(() => undefined))) above = dirname(above);
    await access(above, constants.W_OK);
    throw error;
  });
}

async function requireSpace(folder: string, databaseSize: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const needed = databaseSize * SPACE_FACTOR + SPARE_BYTES;
  if (free >= needed) return;
  throw new RollbackError({
    code: 'BACKUP_FAILED',
    summary: 'Not enough space for a backup',
    detail: `The backup and the copy it is proven with need about ${megabytes(needed)} in ${folder}; ${megabytes(free)} are free.`,
    fix: 'Make room there, or set backup.path in rollback.yaml to a folder on another disk.',
  });
}

function backupFailed(name: string, folder: string, error: unknown): RollbackError {
  const fields = { code: 'BACKUP_FAILED', summary: `Cannot back up ${name}`, cause: error };
  if (error instanceof RollbackError) {
    const { summary, detail, fix, retriable } = error;
    return new RollbackError({ ...fields, detail: `${summary}. ${detail ?? ''}`.trim(), fix, retriable });
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RollbackError({
      ...fields,
      detail: `The disk that holds ${folder} is full; what was written has been removed.`,
      fix: 'Make room there, or set backup.path in rollback.yaml to a folder on another disk.',
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new RollbackError({
      ...fields,
      detail: `The folder ${folder} can't be written to (${code}).`,
      fix: 'Give this user the right to write there, or set backup.path in rollback.yaml to another folder.',
    });
  }
  return new RollbackError({ ...fields, detail: `${messageOf(error)}.` });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
