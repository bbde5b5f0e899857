import type { Backup, Database } from '../adapters/database/database.ts';
import type { Step } from '../engine/step.ts';
import type { Finding } from '../model/finding.ts';

export interface BackUpInput {
  /** The run that the backup belongs to. */
  runId: string;
  /** How it is proven (default: `full`). */
  verify?: 'full' | 'read' | 'none';
}

export interface BackUpOutput {
  backup: Backup;
  findings: Finding[];
}

/** A backup that the run took before it was cut off is used again up to this age, ms; an older one lacks too much. */
const FRESH_MS = 10 * 60_000;

/**
 * Takes a backup and proves it by restoring it, then deletes the oldest beyond those that are kept. Cut off in
 * between, it goes on with the backup that it has, and proves that.
 */
export function backUpDatabase(database: Database): Step<BackUpInput, BackUpOutput> {
  return {
    // Only a proven backup would do, and proving it is the work itself.
    observe: async () => ({ state: 'pending', before: null }),
    async apply({ runId, verify = 'full' }, { clock, signal, progress }) {
      const nowMs = clock.now();
      let backup = await database.backupOf(runId, nowMs - FRESH_MS);
      if (backup) progress(`going on with ${backup.name}`);
      backup ??= await database.backUp({
        nowMs,
        run: runId,
        signal,
        progress: ({ bytes, rows, leftMs }) =>
          progress(`${count(rows, 'row')}, ${megabytes(bytes)} written${left(leftMs)}`),
      });
      if (verify !== 'none') {
        progress(
          verify === 'full'
            ? `restoring ${backup.name} to compare it`
            : `reading the whole of ${backup.name}`,
        );
        await database.verify(backup, signal, verify);
      }
      const deleted = await database.prune();
      return { backup, findings: [finding(database, backup, verify, deleted)] };
    },
  };
}

const PROOF = {
  full: 'Verified by restore: schema, row counts and content are those of the database',
  read: 'Read whole, and as it was written; not restored, so that its content is not compared',
  none: 'Not verified',
};

function finding(database: Database, backup: Backup, verify: keyof typeof PROOF, deleted: string[]): Finding {
  const tables = Object.values(backup.rows);
  const rows = tables.reduce((sum, n) => sum + n, 0);
  return {
    check: 'backup',
    status: verify === 'none' || backup.notes ? 'warn' : 'ok',
    title: `Database backup completed: ${backup.name}`,
    evidence: [
      `${database.name}: ${count(rows, 'row')} in ${count(tables.length, 'table')}, ${megabytes(backup.bytes)}, taken in ${backup.tookMs} ms`,
      `${backup.path}, SHA-256 ${backup.sha256}`,
      `${PROOF[verify]} (${backup.contentHash}).`,
      ...(backup.notes ?? []),
      ...(deleted.length > 0 ? [`Deleted as more than are kept: ${deleted.join(', ')}`] : []),
    ],
    blocking: false,
    fix: [],
    headline: true,
  };
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function left(ms: number | undefined): string {
  if (ms === undefined) return '';
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `, about ${seconds} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
