import { access, constants, mkdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RollbackError } from '../../model/error.ts';
import { ToolFailed } from './run-tool.ts';

/** Makes the folder of the backups where it is missing, mode 0700. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch(async (error) => {
    // On a read-only file system a recursive mkdir says ENOENT; the folder above says what is the matter.
    let above = dirname(folder);
    while (above !== dirname(above) && !(await stat(above).catch(() => undefined))) above = dirname(above);
    await access(above, constants.W_OK);
    throw error;
  });
}

/**
 * @param what What needs it, with a verb: `The backup needs`
 * @throws RollbackError `BACKUP_FAILED` where fewer than `needed` bytes are free
 */
export async function requireSpace(folder: string, needed: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new RollbackError({
    code: 'BACKUP_FAILED',
    summary: 'Not enough space for a backup',
    detail: `${what} about ${megabytes(needed)} in ${folder}; ${megabytes(free)} are free.`,
    fix: OTHER_DISK,
  });
}

/** What went wrong as `BACKUP_FAILED`, with the way out where the cause tells it. */
export function backupFailed(name: string, folder: string, error: unknown): RollbackError {
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
      fix: OTHER_DISK,
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

/** `BACKUP_NOT_VERIFIED` */
export function notVerified(
  backup: { name: string },
  detail: string,
  cause?: unknown,
  fix?: string,
): RollbackError {
  return new RollbackError({
    code: 'BACKUP_NOT_VERIFIED',
    summary: `The backup ${backup.name} did not pass its test`,
    detail,
    fix: fix ?? 'Check the disk that holds it, and try again: a new backup is taken.',
    cause,
  });
}

/** `RESTORE_FAILED` */
export function restoreFailed(
  backup: { name: string },
  into: string,
  detail: string,
  fix: string,
  cause?: unknown,
): RollbackError {
  const summary = `Cannot restore ${backup.name} into ${into}`;
  return new RollbackError({ code: 'RESTORE_FAILED', summary, detail, fix, cause });
}

/**
 * The same for whatever stopped a restore on a server.
 * @param byWhom the way out where the tool itself failed
 */
export function asRestoreFailed(
  error: unknown,
  backup: { name: string },
  into: string,
  byWhom: string,
): RollbackError {
  if (error instanceof RollbackError && error.code === 'RESTORE_FAILED') return error;
  const detail =
    error instanceof RollbackError ? `${error.detail}` : `${messageOf(error).replace(/\.$/, '')}.`;
  const fix =
    error instanceof ToolFailed
      ? byWhom
      : ((error as RollbackError).fix ?? 'Correct what it says, then restore again.');
  return restoreFailed(backup, into, detail, fix, error);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const OTHER_DISK = 'Make room there, or set backup.path in rollback.yaml to a folder on another disk.';
