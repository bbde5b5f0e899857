/** Names of the checks, as `--accept` takes them. */
export const CHECK_NAMES = [
  'target',
  'registry',
  'migrations',
  'configuration',
  'backup',
  'retention',
  'capacity',
  'downtime',
  'ownership',
  'rights',
  'timeout',
  'platform',
] as const;

/**
 * `ok`: checked, and fine. `warn`: checked, worth knowing, does not stop. `fail`: checked, and stops.
 * `unknown`: could not be checked. `skipped`: not checked because the user said so, or a dry run.
 */
export type FindingStatus = 'ok' | 'warn' | 'fail' | 'unknown' | 'skipped';

/** What one check found. Every line printed under "Pre-rollback checks" and "Post-rollback validation" is one. */
export interface Finding {
  check: string;
  status: FindingStatus;
  /** The line as printed after the status, e.g. `Target version v2.14.3 image exists in registry`. */
  title: string;
  /** What was seen: one fact an entry. Never a secret. */
  evidence: string[];
  /** Whether it stops the rollback. Always false for `ok`, `warn` and `skipped`. */
  blocking: boolean;
  /** Ways out, each a command or a sentence; the first is the recommended one. */
  fix: string[];
  /** Set where `--accept` waived it: it is recorded and no longer blocks. */
  waived?: { reason: string };
  /** There is nothing to measure it with, which was so before the run: it is told, and leaves nothing open. */
  absent?: true;
  /** Shown in the text report even where it is ok. The canonical lines are; details are not. */
  headline: boolean;
}

/** Whether `--accept` may waive the check: those above, and each loss of data by its name. */
export function mayBeAccepted(check: string): boolean {
  return (CHECK_NAMES as readonly string[]).includes(check) || /^data-loss:./.test(check);
}

/** True where the finding stops the rollback. */
export function stops(finding: Finding): boolean {
  return finding.blocking && finding.waived === undefined;
}
