import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { publishBackup, removeAbandoned, unfinishedPath } from '../backup-files.ts';
import { backupFailed, makeFolder, requireSpace } from '../backup-folder.ts';
import type { Backup, BackupContext } from '../database.ts';
import { beginSnapshot, databaseBytes, openForReading } from './connection.ts';
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
      const needed = (await databaseBytes(options.path)) * SPACE_FACTOR + SPARE_BYTES;
      await requireSpace(folder, needed, 'The backup and the copy it is proven with need');
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
      const final = await publishBackup(unfinished, folder, context.nowMs, 'sql');
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
