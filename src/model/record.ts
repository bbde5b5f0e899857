import type { Drained } from './drained.ts';
import type { ErrorRecord, ExitCode } from './error.ts';
import type { Finding } from './finding.ts';
import type { GoodEnd, Holder } from './journal.ts';
import type { Noun, Strategy } from './plan.ts';
import type { ReleaseReference } from './release.ts';
import type { RestorePoint } from './restore-point.ts';
import type { CountedLoss } from './reversal.ts';
import type { SuspendedReconciler } from './suspended.ts';

/** What is kept of a run for people and pipelines: the decision, its grounds and its effect. */
export interface RunRecord {
  format: 1;
  runId: string;
  service: string;
  target: string;
  noun: Noun;
  /** undefined where none was given. */
  reason: string | undefined;
  by: string;
  /** Everyone who held the run: started, resumed, aborted it. */
  holders: { at: string; purpose: string; holder: Holder }[];
  startedAt: string;
  endedAt: string | undefined;
  from: ReleaseReference;
  to: ReleaseReference;
  strategy: Strategy;
  /** undefined while the run has no end. */
  end: GoodEnd | undefined;
  exit: ExitCode | undefined;
  /** One sentence: what runs now. */
  production: string;
  why: string;
  /** Checks before and validation after, with evidence. */
  checks: Finding[];
  validation: Finding[];
  /** Steps in the order in which they ended. */
  steps: {
    id: string;
    phase: string;
    state: 'done' | 'failed';
    at: string;
    tookMs: number | undefined;
    error: ErrorRecord | undefined;
  }[];
  /** ms from the first move to the end; undefined where nothing was moved. */
  movedMs: number | undefined;
  durationMs: number;
  /** Requests that failed on the target from the switch on, as the platform measured; undefined where not known. */
  failedRequests: number | undefined;
  requests: number | undefined;
  /** undefined where nothing was drained. */
  drained: Drained | undefined;
  reconcilers: SuspendedReconciler[];
  /** Migrations that the run took back, in that order, and what that lost. Left out where it was not asked for. */
  reversal?: {
    takenBack: { version: string; file: string; tookMs: number | undefined }[];
    losses: CountedLoss[];
  };
  backup: { name: string; path: string; sha256: string; bytes: number } | undefined;
  /** Left out where none was recorded. */
  restorePoint?: RestorePoint;
  monitor: MonitorResult | undefined;
  /** The plan hash that was carried out. */
  planHash: string;
}

/** What watching after a run has seen so far. */
export interface MonitorResult {
  state: 'watching' | 'resolved' | 'regressed' | 'no-traffic' | 'interrupted';
  since: string;
  until: string;
  /** The last look. */
  lookedAt: string | undefined;
  requests: number;
  errors: number;
  errorRate: number | undefined;
  p95Ms: number | undefined;
  /** Sentences: what was seen that is not as it should be. */
  notes: string[];
}
