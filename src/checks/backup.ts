import type { BackupOutlook, DatabaseFacts, Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { RestorePointOutlook, RestorePointSource } from '../model/restore-point.ts';

export interface BackupWanted {
  /** False with `--no-backup`. */
  backup: boolean;
  /** Waived checks. */
  accept: string[];
  reason: string | undefined;
}

export interface BackupLimits {
  /** Longest time that a backup and its proof may hold the rollback up, s. */
  maxWait: number;
  /** Up to which age a proven backup will do where a new one takes longer, s; undefined for never. */
  maxAge?: number | undefined;
}

export interface BackupDecision {
  /** Whether a dump is taken before anything moves. */
  take: boolean;
  /** Where a restore point is recorded from instead. Default: none is. */
  restorePoint?: RestorePointSource;
  findings: Finding[];
}

/**
 * Whether a backup is taken, a restore point recorded, an earlier backup will do, or it would take so long that a person
 * must decide. A restore point that is not configured, but could be had, takes the place of a dump that takes too long:
 * a dump is proven by restoring it, and a restore point is not. Pure.
 */
export function decideBackup(
  database: Facts['database'],
  { backup, accept, reason }: BackupWanted,
  limits: BackupLimits,
  nowMs: number,
): BackupDecision {
  if (database === undefined) return { take: false, findings: [] };
  if (!backup || accept.includes('backup')) {
    const how = backup ? `--accept backup: ${reason ?? 'no reason given'}` : '--no-backup';
    return { take: false, findings: [finding('skipped', `Database backup: not taken (${how})`)] };
  }
  if (!database.known) return { take: true, findings: [] };
  const { backup: outlook, restorePoint } = database.value;
  if (restorePoint?.configured) return recorded(restorePoint, nowMs, []);
  if (outlook && outlook.estimateMs > limits.maxWait * 1000)
    return tooLong(database.value, outlook, limits, nowMs);
  return { take: true, findings: writersWait(database.value) };
}

function recorded(outlook: RestorePointOutlook, nowMs: number, why: string[]): BackupDecision {
  const { tool, source, base, problem } = outlook;
  if (problem) {
    const title = `No restore point can be recorded with ${tool}`;
    const fix = [
      problem.fix,
      'Take a dump instead: leave backup.restorePoint out of rollback.yaml',
      'Go without: add --accept backup --reason TEXT',
    ];
    return {
      take: false,
      findings: [{ ...finding('fail', title), evidence: [problem.why], blocking: true, fix }],
    };
  }
  const age = base
    ? [`Its newest backup, ${base.name}, is ${duration(nowMs - Date.parse(base.at))} old.`]
    : [];
  const title = `Restore point of ${tool}: recorded instead of a dump`;
  return {
    take: false,
    restorePoint: source,
    findings: [{ ...finding('ok', title), evidence: [...why, ...age], headline: why.length > 0 }],
  };
}

function tooLong(
  { name, restorePoint }: DatabaseFacts,
  { estimateMs, proven }: BackupOutlook,
  { maxWait, maxAge }: BackupLimits,
  nowMs: number,
): BackupDecision {
  const estimate = `A backup of ${name} is estimated to take ${duration(estimateMs)}; backup.maxWait allows ${duration(maxWait * 1000)}`;
  if (restorePoint && !restorePoint.problem) return recorded(restorePoint, nowMs, [`${estimate}.`]);
  const ageMs = proven && nowMs - Date.parse(proven.takenAt);
  if (proven && ageMs !== undefined && maxAge !== undefined && ageMs <= maxAge * 1000) {
    const title = `Database backup of ${duration(ageMs)} ago: ${proven.name}`;
    const evidence = [
      `${estimate}.`,
      `${proven.name} was restored and compared when it was taken, and backup.maxAge allows ${duration(maxAge * 1000)}. What was written since is not in it.`,
    ];
    return { take: false, findings: [{ ...finding('ok', title), evidence }] };
  }
  const newest =
    proven && ageMs !== undefined
      ? `The newest proven backup, ${proven.name}, is ${duration(ageMs)} old.`
      : 'There is no proven backup of it yet.';
  const fix = [
    `Wait for it: set backup.maxWait in rollback.yaml to more than ${Math.ceil(estimateMs / 1000)} s`,
    ...(proven ? [`Let the newest proven backup do: set backup.maxAge in rollback.yaml`] : []),
    ...(restorePoint?.problem ? [`Record a restore point instead. ${restorePoint.problem.fix}`] : []),
    'Go without a new backup: add --accept backup --reason TEXT',
  ];
  const unusable = restorePoint?.problem
    ? [`It is archived by ${restorePoint.tool}: ${restorePoint.problem.why}`]
    : [];
  const blocking = { ...finding('fail', estimate), evidence: [newest, ...unusable], blocking: true, fix };
  return { take: true, findings: [blocking] };
}

/** A reader makes writers wait in some engines and modes; people must know for how long before it is taken. */
function writersWait({ name, backupBlocksWritersMs }: DatabaseFacts): Finding[] {
  if (backupBlocksWritersMs === 0) return [];
  const title = `Writers to ${name} may wait up to ${(backupBlocksWritersMs / 1000).toFixed(1)} s while the backup is taken`;
  const fix = [
    'Switch the database to WAL mode: PRAGMA journal_mode = WAL',
    'Go without a backup: --no-backup',
  ];
  const evidence = ['It is not in WAL mode, so a reader keeps writers out.'];
  return [{ ...finding('warn', title), evidence, fix, headline: false }];
}

function finding(status: Finding['status'], title: string): Finding {
  return { check: 'backup', status, title, evidence: [], blocking: false, fix: [], headline: true };
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
