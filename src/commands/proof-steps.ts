import type { BackupDecision } from '../checks/backup.ts';
import type { baselineOf } from '../judge/baseline.ts';
import type { PlannedStep } from '../model/plan.ts';
import type { CommandContext, RollbackOptions } from './context.ts';

/** What is proven before anything moves. */
export function backupSteps(
  { configuration }: CommandContext,
  { backupVerify }: RollbackOptions,
  runId: string,
  { take, restorePoint }: BackupDecision,
): PlannedStep[] {
  const { verify, timeout } = configuration.backup;
  const step = { phase: 'prove' as const, after: [], safePoint: true, timeoutMs: timeout * 1000 };
  if (restorePoint) {
    const kind = 'record-restore-point';
    return [{ ...step, id: kind, kind, input: { runId, source: restorePoint } }];
  }
  if (!take) return [];
  const kind = 'back-up-database';
  return [{ ...step, id: kind, kind, input: { runId, verify: backupVerify ?? verify } }];
}

/** What is validated once nothing moves any more. */
export function confirmSteps(
  { configuration }: CommandContext,
  release: string,
  baseline: ReturnType<typeof baselineOf>,
): PlannedStep[] {
  const { validation } = configuration;
  const common = { phase: 'confirm' as const, after: [], safePoint: true };
  const traffic = {
    release,
    baseline: baseline ?? null,
    rules: {
      minRequests: validation.minRequests,
      errorRateMargin: validation.errorRateMargin,
      latencyMargin: validation.latencyMargin,
      latencyFloorMs: validation.latencyFloor,
    },
    minMs: validation.minSeconds * 1000,
    maxMs: validation.maxSeconds * 1000,
  };
  return [
    {
      ...common,
      id: 'validate-health',
      kind: 'validate-health',
      input: { passes: 3, withinMs: 20_000 },
      timeoutMs: 30_000,
      estimateMs: 600,
    },
    {
      ...common,
      id: 'validate-traffic',
      kind: 'validate-traffic',
      input: traffic,
      timeoutMs: traffic.maxMs + 30_000,
      estimateMs: traffic.minMs,
    },
  ];
}
