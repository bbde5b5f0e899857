import type { Clock } from '../model/clock.ts';

/**
 * What a look at the world says of a step.
 * - `done`: its effect is there; `output` is what `apply` would have returned, as far as it can be known now.
 * - `pending`: not there yet, and `apply` may be called (again). `before` is what `apply` would overwrite.
 * - `conflict`: the world is not as the plan supposes (someone scaled, deployed, edited). The plan is made anew; where
 *   somebody decided `otherwise`, only once a person resumes the run.
 * - `unknown`: it cannot be told. The run stops and asks.
 */
export type Observation<Output = unknown> =
  | { state: 'done'; output: Output }
  | { state: 'pending'; before: unknown }
  | { state: 'conflict'; why: string; otherwise?: true }
  | { state: 'unknown'; why: string };

export interface StepContext {
  runId: string;
  /** Fencing number of the lease. Platforms refuse calls of a lower epoch than the highest they have seen. */
  epoch: number;
  /** Outputs of the steps that are done, by step id. */
  outputs: ReadonlyMap<string, unknown>;
  clock: Clock;
  /** When the run's first move began, ms since the epoch; undefined before. */
  movedAtMs: number | undefined;
  /** Aborted when the step's time is up, the lease is lost or the run must leave at once. */
  signal: AbortSignal;
  /**
   * Whether the run was asked to stop, and a step of `PlannedStep.settles` is looked at that was cut off: what it stands in the
   * middle of is finished, and else nothing is begun. Default: no.
   */
  settling?: true;
  /** Tells people what is happening, e.g. `2 of 3 probes passed`. `data` feeds the live view. */
  progress(message: string, data?: StepProgress): void;
}

export interface StepProgress {
  /** Requests still in flight on what is being drained. */
  inFlight?: number;
}

/**
 * One kind of step. Holds no state of its own: the same input and the same world give the same answer, in whatever
 * process it runs. `apply` must be safe to call again after it was cut off anywhere.
 */
export interface Step<Input = never, Output = unknown> {
  /** Looks, and changes nothing. Throws a retriable `RollbackError` where looking itself failed for now. */
  observe(input: Input, context: StepContext): Promise<Observation<Output>>;
  /** Makes it so. Throws `RollbackError`; `retriable` ones are observed and tried again within the step's time. */
  apply(input: Input, context: StepContext): Promise<Output>;
}

/** Steps by kind. */
export type StepRegistry = Record<string, Step<never, unknown>>;
