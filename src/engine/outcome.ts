import type { PlannedStep } from '../model/plan.ts';

/** How one plan came out. Only `done` means that every step is. */
export type PlanOutcome =
  | { kind: 'done' }
  /** A step failed for good. */
  | { kind: 'failed'; step: PlannedStep; error: unknown }
  | { kind: 'timeout' }
  /** Somebody asked to stop, and the run stands on safe points. */
  | { kind: 'stop-requested'; by: 'interrupt' | 'abort' }
  | { kind: 'conflict'; step: PlannedStep; why: string; otherwise?: true | undefined }
  | { kind: 'unknown'; step: PlannedStep; why: string }
  /** Left at once; steps may be half done. */
  | { kind: 'left' }
  | { kind: 'lease-lost'; error: unknown }
  /** The journal takes no more entries; nothing was moved after that. */
  | { kind: 'journal-failed'; error: unknown };
