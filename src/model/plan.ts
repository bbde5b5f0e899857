import type { Finding } from './finding.ts';
import type { ReleaseReference } from './release.ts';
import type { ReversalOutlook } from './reversal.ts';

export const STRATEGIES = ['rolling', 'blue-green', 'instant', 'canary'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/**
 * `prove` may write to scratch places only; a failure there leaves production untouched. `move` changes what serves.
 * `confirm` judges. `tidy` puts back what the run set up.
 */
export type Phase = 'prove' | 'move' | 'confirm' | 'tidy';

/** One step as data. Its kind names the `Step` that runs it; steps form a graph by `after`. */
export interface PlannedStep {
  /** Unique in the plan and stable over rebuilds, e.g. `start-instance:2/3`. */
  id: string;
  kind: string;
  phase: Phase;
  /** Plain JSON, all that the step needs besides its context. */
  input: unknown;
  /** Ids of the steps that must be done before. */
  after: string[];
  /** Whether the run may stop once this step is done. A run asked to stop goes on until it stands on safe points only. */
  safePoint: boolean;
  /** Whether a run that is asked to stop still settles it where it was cut off. Default: it is left as it is. */
  settles?: true;
  /** Why there is no way back to the start once this step has begun; undefined where there is. */
  pointOfNoReturn?: string;
  /** How long the step may take, all attempts together, ms. */
  timeoutMs: number;
  /** How long it usually takes, ms; for the plan's own estimate. Default 500. Not covered by the hash. */
  estimateMs?: number;
}

/** What a plan sets up before its first move, and puts back after the last. */
export interface SurroundingSteps {
  before: PlannedStep[];
  after: PlannedStep[];
  /** The same for the moves of each part of a service, by its name. Default: none. */
  parts?: Record<string, { before: PlannedStep[]; after: PlannedStep[] }>;
}

/** One line of the execution section: done once all of its steps are done. */
export interface ProgressLine {
  /** E.g. `Deploying v2.14.3 (instance 1/3)`. */
  label: string;
  /** The word printed once it is true, e.g. `done`, `healthy`. */
  doneWord: string;
  steps: string[];
}

/** What must still hold when the run starts; compared by equality with facts gathered then. */
export interface Precondition {
  /** A sentence for people, e.g. `shop runs v2.14.4 (r4)`. */
  says: string;
  /** Dotted name of the fact, e.g. `current.id`. */
  fact: string;
  equals: string | number | boolean | null;
}

export interface Noun {
  one: string;
  many: string;
}

/** What ran when the run started, so that it can be put back exactly. */
export interface StartState {
  /** Release ids. */
  current: string;
  canary: string | undefined;
  /** Instances in rotation. */
  serving: { slot: number; release: string }[];
  /** The same of each part, by its name and with its own ids. Default: the service is one. */
  parts?: Record<string, Pick<StartState, 'current' | 'serving'>>;
  /**
   * Whether the release gone back from is failing by evidence; then nothing but a person's abort moves traffic from a
   * healthy target back to it. Not covered by the hash.
   */
  failing: { is: boolean; evidence: string[] };
}

/** Who may be asked about it, and why it happens. Not covered by the hash. */
export interface PlanRequest {
  by: string;
  reason: string | undefined;
  /** Seconds from the first move to the end of validation. */
  timeoutS: number;
  /** Seconds to watch after validation; 0 for none. */
  monitorS: number;
  backup: boolean;
  /** How the backup is proven. Default: as configured. */
  backupVerify?: 'full' | 'read' | 'none' | undefined;
  accepted: string[];
  /** Whether the current release's downs are run first (`--reverse-migrations`). Default false. */
  reverseMigrations?: boolean;
}

/** Batches of a rolling plan that may run beside what is wanted: more would hold more machines than it saves time. */
export const MOST_AHEAD = 3;

/**
 * One rollback as data: what would be done, in what order, on what grounds. Pure JSON. Dry run, execution, resume
 * and report share it.
 */
export interface Plan {
  format: 1;
  /** The run it belongs to, e.g. `r-20261123-210338-7f3a`. */
  runId: string;
  service: string;
  /** E.g. `local/shop`. */
  target: string;
  platform: string;
  noun: Noun;
  /** `back`: to the target. `return`: to where the run started, after a failure, a timeout or an abort. */
  direction: 'back' | 'return';
  /** What runs when the plan is built. For a return plan: the rollback's target. */
  from: ReleaseReference;
  /** What shall run. */
  to: ReleaseReference;
  strategy: Strategy;
  /** Instances that shall serve at the end. */
  instances: number;
  /** What each part shall run, by its name and with its own id. Default: the service is one. */
  parts?: Record<string, string>;
  start: StartState;
  steps: PlannedStep[];
  lines: ProgressLine[];
  findings: Finding[];
  preconditions: Precondition[];
  /** Left out where no migration is between the two releases, or what there is can't be taken back. */
  reversal?: ReversalOutlook;
  /** Estimated time from the first move to the end of validation, ms. */
  estimateMs: number;
  /** How many steps may run at once. */
  concurrency: number;
  /** Instances that a rolling plan moves at once; 1 where it is not told. */
  batch?: number;
  /** `PlatformFacts.beside` as it was when the run was planned; a plan made again goes by it. */
  beside?: number;
  request: PlanRequest;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** SHA-256 over what would be done and what must hold for it: not the clock, not the run id, not the request's texts. */
  hash: string;
}
