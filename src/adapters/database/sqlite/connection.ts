import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type Libsql from 'libsql';
import { RollbackError } from '../../../model/error.ts';
import { messageOf } from '../backup-folder.ts';

/**
 * A connection of libsql. Text of the database must only be read as `CAST(... AS BLOB)`: libsql ends the whole process
 * on text that is not valid UTF-8. `close` leaves what a statement in progress holds; end statements first.
 */
export type Connection = Libsql.Database & { interrupt(): void };

/** How long a locked database is tried again, ms. */
const BUSY_MS = 5000;

/**
 * Opens for reading only; makes no file. The connection never writes, so that reading can't checkpoint or change anything.
 * @throws RollbackError `DATABASE_MISSING`, `DATABASE_UNREADABLE`, `DATABASE_LOCKED` (retriable)
 */
export async function openForReading(path: string, name: string, signal: AbortSignal): Promise<Connection> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw openError(error, path, name);
  });
  if (!found.isFile()) throw unreadable(name, `${path} is not a file.`, undefined);
  const { default: Database } = await import('libsql');
  return untilFree(name, signal, () => {
    const db = new Database(`${pathToFileURL(path).href}?mode=ro`) as Connection;
    try {
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  }).catch((error) => {
    throw openError(error, path, name);
  });
}

/** Opens a new file of our own for writing. */
export async function openForWriting(path: string): Promise<Connection> {
  const { default: Database } = await import('libsql');
  return new Database(path) as Connection;
}

/** Begins a transaction and reads in it once, which fixes what it sees. Outside WAL mode writers now wait. */
export async function beginSnapshot(db: Connection, name: string, signal: AbortSignal): Promise<void> {
  await untilFree(name, signal, () => {
    db.exec('BEGIN');
    try {
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  });
}

/** Bytes of the file and of what its write-ahead log holds. */
export async function databaseBytes(path: string): Promise<number> {
  const wal = await stat(`${path}-wal`).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return { size: 0 };
    throw error;
  });
  return (await stat(path)).size + wal.size;
}

/**
 * Tries again while the database is locked, without keeping the event loop from running.
 * @throws RollbackError `DATABASE_LOCKED` after `BUSY_MS`.
 */
export async function untilFree<T>(
  name: string,
  signal: AbortSignal,
  work: () => T | Promise<T>,
): Promise<T> {
  const deadline = performance.now() + BUSY_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() >= deadline) throw locked(name, error);
    }
    await sleep(50, undefined, { signal });
  }
}

function locked(name: string, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DATABASE_LOCKED',
    summary: `The database ${name} is locked`,
    detail: `Another process has held its write lock for ${BUSY_MS / 1000} s, and nothing can be read meanwhile.`,
    fix: 'End the long transaction or exclusive lock that holds it, then try again.',
    retriable: true,
    cause,
  });
}

function openError(error: unknown, path: string, name: string): unknown {
  if (error instanceof RollbackError || (error as Error)?.name === 'AbortError') return error;
  const code = (error as { code?: string }).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new RollbackError({
      code: 'DATABASE_MISSING',
      summary: `There is no database ${name}`,
      detail: `The file ${path} does not exist.`,
      fix: 'Correct database.path in rollback.yaml.',
      cause: error,
    });
  }
  if (code === 'SQLITE_NOTADB') {
    return unreadable(name, `${path} is not an SQLite database, or it is encrypted.`, error);
  }
  if (code === 'SQLITE_CORRUPT') return unreadable(name, `The file is damaged: ${messageOf(error)}.`, error);
  const message = messageOf(error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'SQLITE_CANTOPEN' || /: 14"\)$/.test(message)) {
    return unreadable(name, `This user may not open ${path}, or its -wal and -shm files beside it.`, error);
  }
  return unreadable(name, `${message}.`, error);
}

function unreadable(name: string, detail: string, cause: unknown): RollbackError {
  return new RollbackError({
    code: 'DATABASE_UNREADABLE',
    summary: `The database ${name} can't be read`,
    detail,
    fix: 'Run as a user who may read it, or correct database.path in rollback.yaml.',
    cause,
  });
}

function isBusy(error: unknown): boolean {
  const code = (error as { code?: string })?.code ?? '';
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}
