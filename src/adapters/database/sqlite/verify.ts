import { rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import { sha256Of, unfinishedPath } from '../backup-files.ts';
import { messageOf, notVerified } from '../backup-folder.ts';
import type { Backup, VerifyDepth } from '../database.ts';
import { openForReading } from './connection.ts';
import { foreignKeyViolations, readContent } from './content.ts';
import type { DumpSummary } from './dump.ts';
import { readBackup } from './read-backup.ts';
import { removeSideFiles, runDump } from './restore.ts';
import { readSchema } from './schema.ts';

/** Proves a backup as `Database.verify` promises. The scratch database lies beside it and is deleted. */
export async function verifyBackup(
  backup: Backup,
  signal: AbortSignal,
  depth: VerifyDepth = 'full',
): Promise<void> {
  const scratch = unfinishedPath(dirname(backup.path), 'scratch');
  try {
    const summary = await requireUnchanged(backup, signal);
    if (depth === 'read') return;
    await runDump(backup.path, scratch, { durable: false, signal });
    await compare(backup, summary, scratch, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RollbackError && error.code === 'BACKUP_NOT_VERIFIED') throw error;
    throw notVerified(backup, `Restoring it failed: ${messageOf(error)}.`, error);
  } finally {
    await rm(scratch, { force: true });
    await removeSideFiles(scratch);
  }
}

async function requireUnchanged(backup: Backup, signal: AbortSignal): Promise<DumpSummary> {
  const found = await stat(backup.path).catch((error) => {
    throw notVerified(backup, `It can't be read: ${messageOf(error)}.`, error);
  });
  if (found.size !== backup.bytes) {
    throw notVerified(backup, `It has ${found.size} bytes; ${backup.bytes} were written.`);
  }
  if ((await sha256Of(backup.path, signal)) !== backup.sha256) {
    throw notVerified(backup, 'Its content is not what was written: the SHA-256 differs.');
  }
  const read = await readBackup(backup.path);
  if (!read || read.summary.contentHash !== backup.contentHash) {
    throw notVerified(backup, 'Its last line does not say that the dump is complete.');
  }
  return read.summary;
}

async function compare(
  backup: Backup,
  summary: DumpSummary,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  const db = await openForReading(scratch, 'scratch', signal);
  try {
    const { rows, contentHash } = await readContent(db, readSchema(db), { signal });
    const tables = new Set([...Object.keys(rows), ...Object.keys(backup.rows)]);
    for (const table of tables) {
      if (rows[table] === backup.rows[table]) continue;
      const restored = rows[table] ?? 'no such table';
      throw notVerified(
        backup,
        `Table ${table}: ${backup.rows[table] ?? 'none'} rows backed up, ${restored} restored.`,
      );
    }
    if (contentHash !== backup.contentHash) {
      throw notVerified(backup, 'Schema or values of the restored copy differ from the database.');
    }
    const integrity = db.prepare('PRAGMA integrity_check(3)').raw().all() as [string][];
    if (integrity.length !== 1 || integrity[0]?.[0] !== 'ok') {
      throw notVerified(backup, `integrity_check of the restored copy: ${integrity.flat().join('; ')}.`);
    }
    const violations = foreignKeyViolations(db);
    if (violations !== summary.foreignKeyViolations) {
      throw notVerified(
        backup,
        `${violations} rows of the restored copy break a foreign key, ${summary.foreignKeyViolations} of the database do.`,
      );
    }
  } finally {
    db.close();
  }
}
