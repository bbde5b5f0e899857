import type { PlannedStep } from '../../../../model/plan.ts';
import type { WorkloadName } from '../view.ts';
import type { ReconcilerName } from './owner.ts';
import type { ResumeInput } from './resume-reconciler.ts';
import type { SuspendInput } from './suspend-reconciler.ts';

const SUSPEND_MS = 120_000;
const RESUME_MS = 60_000;

/**
 * What a plan does about reconcilers: suspends each before its first move, and tries to resume each after its last.
 * Pure.
 */
export function reconcilerSteps(
  reconcilers: ReconcilerName[],
  parts: {
    by: string;
    why: string;
    workloads: { namespace: string; workload: WorkloadName }[];
  },
): { before: PlannedStep[]; after: PlannedStep[] } {
  const { by, why, workloads } = parts;
  const step = (kind: string, reconciler: ReconcilerName) =>
    `${kind}:${reconciler.kind}/${reconciler.namespace}/${reconciler.name}`;
  const before = reconcilers.map((reconciler): PlannedStep => {
    const input: SuspendInput = { reconciler, by, why };
    return {
      id: step('suspend-reconciler', reconciler),
      kind: 'suspend-reconciler',
      phase: 'move',
      input,
      after: [],
      safePoint: true,
      timeoutMs: SUSPEND_MS,
      estimateMs: 1_500,
    };
  });
  const after = reconcilers.map((reconciler): PlannedStep => {
    const input: ResumeInput = { reconciler, workloads };
    return {
      id: step('resume-reconciler', reconciler),
      kind: 'resume-reconciler',
      phase: 'tidy',
      input,
      after: [],
      safePoint: true,
      timeoutMs: RESUME_MS,
      estimateMs: 2_000,
    };
  });
  return { before, after };
}
