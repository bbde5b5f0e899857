import type { StepRegistry } from '../../engine/step.ts';
import type { PlatformFacts } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import type { Move } from '../../model/move.ts';
import type { Noun, PlannedStep, Strategy, SurroundingSteps } from '../../model/plan.ts';
import type { Release } from '../../model/release.ts';

/** Says how a strategy's moves are done on a platform. Pure: the same move and facts give the same steps. */
export interface PlatformMoves {
  /**
   * The steps of one move. A step's `after` names steps of this move only; the engine links the move's first steps to
   * the last steps of the moves before it.
   */
  expand(move: Move, facts: PlatformFacts): PlannedStep[];
  /**
   * What a plan of these moves sets up before the first of them (phase `move`), and puts back after the last (phase
   * `tidy`); the engine runs each list in order. Also for a plan that goes on from, or back from, one that set up
   * already; its steps are `earlier`. Of a service in parts each part is set up before its own first move. Default: nothing.
   */
  surround?(moves: Move[], facts: PlatformFacts, earlier: PlannedStep[]): SurroundingSteps;
}

/** What is to be rolled back, as far as it is decided before the plan. */
export interface Wanted {
  runId: string;
  to: Release;
  strategy: Strategy;
  reason: string | undefined;
  /** Instances that a rolling rollback moves at once. */
  batch: number;
  /** Names of secrets whose old values go back, too. */
  restoreSecrets: string[];
}

export interface Preflight {
  findings: Finding[];
  /** In the place of the shared look at the configuration; undefined where that one holds. */
  configuration?: Finding[] | undefined;
  /** What is needed to expand moves to this target; undefined where the facts have it all. */
  facts?: PlatformFacts | undefined;
  /** The target as it will run, where that is not quite as it ran: with copies of its old configuration. */
  to?: Release | undefined;
  /** Steps of phase `prove`: they make new things only, which nothing that runs can see. */
  prove?: PlannedStep[] | undefined;
  /** A patch for `git am` that takes back what else declares the newer release; undefined where none was asked for or known. */
  revert?: string | undefined;
}

/** Something of a run that is over or lost, still on what the platform keeps. */
export interface Leftover {
  /** E.g. `service/api sends only to pods with the label rollback-deploy-auto/serving`. */
  says: string;
  /** The run that left it; undefined where that is not known. */
  run: string | undefined;
  /** How a person puts it back; undefined where a rollback to the release that is set does. */
  byHand: string[] | undefined;
  /** What moves traffic back from it: pods one by one, or all in one change. */
  by: 'each' | 'all';
}

/** Where instances run. */
export interface Platform extends PlatformMoves {
  /** E.g. `local`. */
  readonly kind: string;
  /** The platform's own word for an instance, e.g. pod. */
  readonly noun: Noun;
  /**
   * Reads what runs now and what could run.
   * @throws RollbackError `PLATFORM_UNREACHABLE` (exit 2 where it was never up, with the command that starts it).
   */
  facts(signal: AbortSignal): Promise<PlatformFacts>;
  /** Read-only: may we, is there room, who else owns it, and what the platform has to do with this very target. */
  preflight(facts: PlatformFacts, wanted: Wanted, signal: AbortSignal): Promise<Preflight>;
  /** The step kinds that `expand` uses. */
  steps(): StepRegistry;
  /** What runs left, also those that are not over: whoever asks knows which. Read-only. Undefined where nothing can be. */
  leftovers?(signal: AbortSignal): Promise<Leftover[]>;
  /**
   * Ends instances that were kept warm and whose time is over; without `fix` only finds them. A sentence each. Undefined
   * where the platform itself ends them.
   */
  endWarm?(options: { fix: boolean }, signal: AbortSignal): Promise<string[]>;
  /**
   * Watches a finished run for its monitor time in a process that outlives the client, and is started again if it
   * dies. Undefined where the platform can't; the client then watches itself.
   */
  startMonitor?(runId: string, signal: AbortSignal): Promise<void>;
}
