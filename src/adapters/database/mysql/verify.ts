import { createReadStream } from 'node:fs';
import { RollbackError } from '../../../model/error.ts';
import { messageOf, notVerified } from '../backup-folder.ts';
import { requireUnchanged } from '../backup-manifest.ts';
import type { Backup, VerifyDepth } from '../database.ts';
import type { MysqlManifest } from './back-up.ts';
import { withSession } from './connection.ts';
import type { DumpContent } from './dump-content.ts';
import { contentHash, DumpReader, differenceOf } from './dump-content.ts';
import { retarget } from './dump-lines.ts';
import type { MysqlOptions } from './options.ts';
import { dropAbandoned, withScratch } from './scratch.ts';
import type { MysqlTools } from './tools.ts';
import { findTools, runClient, runDump } from './tools.ts';

/**
 * Proves a backup as `Database.verify` promises, in a scratch database on the server that it was taken of: what the
 * same tool dumps of the copy must be what is in the backup.
 */
export async function verifyMysql(
  options: MysqlOptions,
  backup: Backup,
  signal: AbortSignal,
  depth: VerifyDepth,
): Promise<void> {
  try {
    const { manifest, content } = await requireWhole(backup, signal);
    if (depth === 'read') return;
    await withSession(options, { signal }, async (session) => {
      const tools = await findTools(session);
      await dropAbandoned(session);
      await withScratch(session, manifest.own, async (scratch, unlogged) => {
        await restoreInto({ options, backup, tools, signal, database: scratch, proof: true, unlogged });
        const reader = new DumpReader();
        await runDump(options, tools, scratch, { signal, output: async (chunk) => reader.push(chunk) });
        const difference = differenceOf(content, reader.end());
        if (difference !== undefined) throw notVerified(backup, difference);
      });
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RollbackError && error.code === 'BACKUP_NOT_VERIFIED') throw error;
    const message = messageOf(error).replace(/\.$/, '');
    const fix = error instanceof RollbackError ? error.fix : denied(message);
    throw notVerified(backup, `Restoring it failed: ${message}.`, error, fix);
  }
}

/**
 * Reads all of a backup, which says itself how many rows it has and that it is whole.
 * @throws RollbackError `BACKUP_NOT_VERIFIED`
 */
export async function requireWhole(
  backup: Backup,
  signal: AbortSignal,
): Promise<{ manifest: MysqlManifest; content: DumpContent }> {
  const manifest = (await requireUnchanged(backup, signal)) as MysqlManifest;
  const reader = new DumpReader();
  for await (const chunk of createReadStream(backup.path, { highWaterMark: 1 << 20, signal }))
    reader.push(chunk as Buffer);
  const content = reader.end();
  if (!content.complete) throw notVerified(backup, 'Its last line is not "-- Dump completed".');
  const told = { ...manifest.own, rows: manifest.rows, complete: true };
  const difference = differenceOf(told, content);
  if (difference !== undefined || contentHash(content) !== backup.contentHash)
    throw notVerified(backup, difference ?? `${backup.name}.json is not what was written.`);
  return { manifest, content };
}

export interface Restoration {
  options: MysqlOptions;
  backup: Backup;
  tools: MysqlTools;
  signal: AbortSignal;
  database: string;
  /** Whether the copy is only looked at. */
  proof: boolean;
  /** Whether it is kept out of the binary log. */
  unlogged: boolean;
}

export async function restoreInto({
  options,
  backup,
  tools,
  signal,
  database,
  proof,
  unlogged,
}: Restoration): Promise<void> {
  const input = createReadStream(backup.path, { highWaterMark: 1 << 20 });
  const dump = input.pipe(retarget(database, proof));
  input.on('error', (error) => dump.destroy(error));
  const initial = unlogged ? 'SET SESSION sql_log_bin = 0' : undefined;
  try {
    await runClient(options, tools, { database, initial }, { signal, input: dump });
  } finally {
    input.destroy();
  }
}

function denied(message: string): string | undefined {
  if (!/denied/i.test(message)) return undefined;
  return 'Let the user make scratch databases: GRANT ALL ON `rollback\\_scratch\\_%`.* TO the user; or have backups read only: --backup-verify read';
}
