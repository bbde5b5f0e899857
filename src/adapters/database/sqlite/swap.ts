import { link, readdir, readlink, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import { syncFolder } from '../backup-files.ts';
import type { Backup, Swap, TableChange } from '../database.ts';
import { tableChanges } from '../table-changes.ts';
import { openForReading, openForWriting } from './connection.ts';
import { readContent } from './content.ts';
import type { SqliteOptions } from './options.ts';
import { removeSideFiles } from './restore.ts';
import { readSchema } from './schema.ts';

/** Reads all rows in one transaction. What differs in values alone is known of the whole, not of one table. */
export async function changesSqlite(
  options: SqliteOptions,
  backup: Backup,
  signal: AbortSignal,
): Promise<TableChange[]> {
  const db = await openForReading(options.path, `sqlite ${options.label}`, signal);
  try {
    db.exec('BEGIN');
    const now = await readContent(db, readSchema(db), { signal });
    if (now.contentHash === backup.contentHash) return [];
    const changes = tableChanges(backup.rows, now.rows, () => false);
    return changes.length > 0 ? changes : tableChanges(backup.rows, now.rows, () => true);
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
    db.close();
  }
}

export function sqliteSwap({ path, label }: SqliteOptions): Omit<Swap, 'restore'> {
  const inode = async (of: string) => (await stat(of).catch(() => undefined))?.ino;
  return {
    ownName: async () => basename(path),
    places: async (id) => ({ restored: `${path}.restored-${id}`, kept: `${path}.replaced-${id}` }),
    async state({ restored, kept }) {
      if ((await inode(restored)) !== undefined) return 'restored';
      const old = await inode(kept);
      // A second name of the file that is still in place is no swap.
      return old === undefined || old === (await inode(path)) ? 'none' : 'swapped';
    },
    async swap({ restored, kept }) {
      await requireUnused(path, label);
      await emptyWriteAheadLog(path, label);
      if ((await inode(kept)) === undefined) await link(path, kept);
      await requireUnused(path, label);
      // One step of the file system: the name means the old file or the new one, never none.
      await rename(restored, path);
      await removeSideFiles(path);
      await syncFolder(dirname(path));
    },
  };
}

/** Changes in the log would stay behind: they are brought into the file, which is kept under another name. */
async function emptyWriteAheadLog(path: string, label: string): Promise<void> {
  const db = await openForWriting(path);
  try {
    const [busy] = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').raw().get() as unknown as [number];
    if (busy !== 0) throw inUse(label, 'Somebody reads or writes it.');
  } finally {
    db.close();
  }
}

/** @throws RollbackError `DATABASE_IN_USE` naming the processes that have the file open, or where nobody can tell */
async function requireUnused(path: string, label: string): Promise<void> {
  const real = await realpath(path);
  const files = [real, `${real}-wal`, `${real}-shm`];
  const holders: string[] = [];
  const processes = await readdir('/proc').catch((error) => {
    throw inUse(label, 'Whether a process has it open can not be told on this system.', error);
  });
  for (const pid of processes.filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    // Of another user, or gone by now.
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const fd of open) {
      const file = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (files.includes(file)) holders.push(pid);
    }
  }
  if (holders.length > 0)
    throw inUse(label, `Processes that have it open: ${[...new Set(holders)].join(', ')}.`);
}

function inUse(label: string, detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'DATABASE_IN_USE',
    summary: `sqlite ${label} can't be replaced while it is in use`,
    detail,
    fix: 'Stop the application, e.g. by rollback-deploy-auto local stop, and run the command again.',
    cause,
  });
}
