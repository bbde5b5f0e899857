import { chmod, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RollbackError } from '../../model/error.ts';
import type { DatabaseFacts } from '../../model/facts.ts';
import type { HistoryRow } from '../../model/migration-history.ts';
import { listBackups, sha256Of, syncFolder } from './backup-files.ts';
import { messageOf, restoreFailed } from './backup-folder.ts';
import type { Backup, BackupContext, Database } from './database.ts';
import { backUpSqlite } from './sqlite/back-up.ts';
import { sqliteCatalog, withEmptySqlite } from './sqlite/catalog.ts';
import type { Connection } from './sqlite/connection.ts';
import { databaseBytes, openForReading, untilFree } from './sqlite/connection.ts';
import { quoteName, quoteText } from './sqlite/literal.ts';
import { litestreamOutlook, recordLitestreamPoint } from './sqlite/litestream.ts';
import type { SqliteOptions } from './sqlite/options.ts';
import { prepareSqlite } from './sqlite/prepare.ts';
import { readBackup } from './sqlite/read-backup.ts';
import { replaySqlite } from './sqlite/replay.ts';
import { removeSideFiles, runDump } from './sqlite/restore.ts';
import { changesSqlite, sqliteSwap } from './sqlite/swap.ts';
import { countSqlite, takeBackSqlite, withCopySqlite } from './sqlite/take-back.ts';
import { verifyBackup } from './sqlite/verify.ts';

/** Bytes a second: half of what a dump of many short rows made on a busy machine of two cores. */
const DUMP_RATE = 5_000_000;

/** SQLite, read through libsql; a backup is a logical dump that the sqlite3 shell can restore too. */
export function sqliteDatabase(options: SqliteOptions): Database {
  const name = `sqlite ${options.label}`;
  const { backupFolder, keep } = options;
  const backups = () =>
    listBackups(backupFolder, 'sql', async (path) => (await readBackup(path))?.header.database === name);
  return {
    name,
    supportsTransactionalDdl: true,
    async facts(signal) {
      const known = await facts(options, name, signal);
      const restorePoint = await litestreamOutlook(options, signal);
      return { ...known, ...(restorePoint ? { restorePoint } : {}) };
    },
    catalog: (signal, inside) => sqliteCatalog(options, name, signal, inside),
    withEmpty: (_, work) => withEmptySqlite(work),
    prepare: (texts, signal) => prepareSqlite(options.path, name, texts, signal),
    replay: (statements, signal, deadline) =>
      replaySqlite(options, statements, AbortSignal.any([signal, deadline])),
    backUp: (context: BackupContext) => backUpSqlite(options, name, context),
    async backupOf(run, sinceMs) {
      for (const file of await backups()) {
        const read = await readBackup(file.path);
        if (read?.header.run !== run || Date.parse(read.header.takenAt) < sinceMs) continue;
        return backupIn(file);
      }
      return undefined;
    },
    verify: verifyBackup,
    backups,
    async prune() {
      const old = (await backups()).slice(keep);
      for (const file of old) await rm(file.path, { force: true });
      return old.map((file) => file.name);
    },
    restore,
    takeBack: (down, how) => takeBackSqlite(options, down, how),
    withCopy: withCopySqlite,
    async recordRestorePoint(source, context) {
      if (source.kind !== 'litestream') throw new TypeError(`${source.kind} keeps no SQLite.`);
      return recordLitestreamPoint(options, name, source, context);
    },
    countLosses: (losses, signal) => countSqlite(options, losses, signal),
    async findBackup(wanted) {
      const file = (await backups()).find((one) => wanted === undefined || one.name === wanted);
      return file && backupIn(file);
    },
    changesSince: (backup, signal) => changesSqlite(options, backup, signal),
    swap: {
      ...sqliteSwap(options),
      restore: (backup, { restored }, signal) => restore(backup, restored, signal),
    },
  };
}

async function backupIn(file: Pick<Backup, 'name' | 'path' | 'bytes'>): Promise<Backup | undefined> {
  const read = await readBackup(file.path);
  if (!read) return undefined;
  const { rows, contentHash, tookMs } = read.summary;
  const sha256 = await sha256Of(file.path, new AbortController().signal);
  return { ...file, sha256, rows, contentHash, tookMs };
}

async function facts(options: SqliteOptions, name: string, signal: AbortSignal): Promise<DatabaseFacts> {
  const db = await openForReading(options.path, name, signal);
  try {
    const sizeBytes = await databaseBytes(options.path);
    return await untilFree(name, signal, () => {
      const [mode] = db.prepare('PRAGMA journal_mode').raw().get() as unknown as [string];
      const applied = appliedVersions(db, options.history);
      const query = applied && options.history.query?.('sqlite');
      return {
        name,
        engine: 'sqlite',
        applied,
        ...(query ? { historyRows: db.prepare(query).all() as HistoryRow[] } : {}),
        sizeBytes,
        // Read once for the dump, and once for the proof.
        backup: { estimateMs: Math.ceil((sizeBytes / DUMP_RATE) * 2000) },
        // Outside WAL mode a writer can't commit before the reader has ended.
        backupBlocksWritersMs: mode === 'wal' ? 0 : Math.ceil((sizeBytes / DUMP_RATE) * 1000),
      };
    });
  } catch (error) {
    if (error instanceof RollbackError || signal.aborted) throw error;
    throw new RollbackError({
      code: 'DATABASE_UNREADABLE',
      summary: `The migration history of ${name} can't be read`,
      detail: `Reading ${options.history.column} of table ${options.history.table}: ${messageOf(error)}.`,
      fix: 'Set database.migrations.format in rollback.yaml to the tool that migrates this database.',
      cause: error,
    });
  } finally {
    db.close();
  }
}

function appliedVersions(db: Connection, history: SqliteOptions['history']): string[] | undefined {
  const found = db
    .prepare(
      `SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table' AND name = ${quoteText(history.table)} COLLATE NOCASE`,
    )
    .get() as { n: number };
  if (found.n === 0) return undefined;
  const column = quoteName(history.column);
  const rows = db
    .prepare(
      `SELECT CAST(CAST(${column} AS TEXT) AS BLOB) FROM ${quoteName(history.table)} ORDER BY ${column}`,
    )
    .raw()
    .all() as [Buffer][];
  return rows.map(([version]) => version.toString('utf8'));
}

async function restore(backup: Backup, into: string, signal: AbortSignal): Promise<void> {
  const failed = (detail: string, fix: string, cause?: unknown) =>
    restoreFailed(backup, into, detail, fix, cause);
  if (await stat(into).catch(() => undefined)) {
    throw failed(
      'There is a file of that name already.',
      'Name a new file, and move it into place yourself.',
    );
  }
  const unfinished = `${into}.restoring`;
  try {
    if ((await sha256Of(backup.path, signal)) !== backup.sha256) {
      throw failed('The backup is not what was written: its SHA-256 differs.', 'Restore another backup.');
    }
    await rm(unfinished, { force: true });
    await runDump(backup.path, unfinished, { durable: true, signal });
    await removeSideFiles(unfinished);
    await removeSideFiles(into);
    await chmod(unfinished, 0o600);
    await rename(unfinished, into);
    await syncFolder(dirname(into));
  } catch (error) {
    await rm(unfinished, { force: true });
    await removeSideFiles(unfinished);
    if (error instanceof RollbackError || signal.aborted) throw error;
    throw failed(`${messageOf(error)}.`, 'Make room or correct the path, then restore again.', error);
  }
}
