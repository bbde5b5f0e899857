import type { Database } from '../adapters/database/database.ts';
import type { Step } from '../engine/step.ts';
import type { Finding } from '../model/finding.ts';
import type { RestorePoint, RestorePointSource } from '../model/restore-point.ts';

export interface RecordRestorePointInput {
  /** The run that it belongs to. */
  runId: string;
  source: RestorePointSource;
}

export interface RecordRestorePointOutput {
  restorePoint: RestorePoint;
  findings: Finding[];
}

/** Records a restore point of a backup tool that archives the database; cut off in between, it records another. */
export function recordRestorePoint(
  record: NonNullable<Database['recordRestorePoint']>,
): Step<RecordRestorePointInput, RecordRestorePointOutput> {
  return {
    // One that was recorded before this was cut off need not have reached the archive.
    observe: async () => ({ state: 'pending', before: null }),
    async apply({ runId, source }, { clock, signal, progress }) {
      const restorePoint = await record(source, { nowMs: clock.now(), run: runId, signal, progress });
      return { restorePoint, findings: [finding(restorePoint)] };
    },
  };
}

function finding({ name, position, tool, base, restore, covers }: RestorePoint): Finding {
  return {
    check: 'backup',
    status: 'ok',
    title: `Restore point recorded: ${name}, archived`,
    evidence: [
      `${tool}: at ${position}; what a restore to it needs is in the repository.`,
      `A restore starts from the backup ${base.name}, taken ${base.at}. It was not restored to try it.`,
      `It takes back ${covers}: ${restore}`,
    ],
    blocking: false,
    fix: [],
    headline: true,
  };
}
