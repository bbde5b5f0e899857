import type { StepRegistry } from '../../engine/step.ts';
import type { PlatformFacts } from '../../model/facts.ts';
import type { Finding } from '../../model/finding.ts';
import type { Move } from '../../model/move.ts';
import type { Noun, PlannedStep } from '../../model/plan.ts';

/** Says how a strategy's moves are done on a platform. Pure: the same move and facts give the same steps. */
export interface PlatformMoves {
  /**
   * The steps of one move. A step's `after` names steps of this move only; the engine links the move's first steps to
   * the last steps of the moves before it.
   */
  expand(move: Move, facts: PlatformFacts): PlannedStep[];
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
  /** Read-only: may we, is there room, who else owns it. */
  preflight(facts: PlatformFacts, signal: AbortSignal): Promise<Finding[]>;
  /** The step kinds that `expand` uses. */
  steps(): StepRegistry;
  /**
   * Watches a finished run for its monitor time in a process that outlives the client, and is started again if it
   * dies. Undefined where the platform can't; the client then watches itself.
   */
  startMonitor?(runId: string, signal: AbortSignal): Promise<void>;
}
