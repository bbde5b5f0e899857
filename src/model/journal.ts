import type { ErrorRecord, ExitCode } from './error.ts';
import type { Plan } from './plan.ts';

/** Who holds the lease of a service. */
export interface Holder {
  host: string;
  user: string;
  pid: number;
  /** When that process started, in the system's own words; tells a reused process id apart. */
  processStart: string;
}

/**
 * What happened, in order. A run's journal is the list of these; its state is a fold over them (`engine/run-state.ts`).
 * `at` is ISO 8601, UTC.
 */
export type JournalEntry =
  /** A plan of this run; the last one is the one in force. The first entry of every journal. */
  | { type: 'planned'; at: string; plan: Plan; why: string }
  /** A client took the run over (start, resume or abort). Older holders can no longer append. */
  | { type: 'leased'; at: string; epoch: number; holder: Holder; purpose: 'run' | 'resume' | 'abort' }
  /** The step is about to change something; `before` is what it overwrites. Without a later `done` or `failed` it is ambiguous. */
  | { type: 'started'; at: string; step: string; before: unknown }
  | { type: 'done'; at: string; step: string; output: unknown; observed: boolean }
  | { type: 'failed'; at: string; step: string; error: ErrorRecord }
  /** The run stopped without an end; `resume` and `abort` go on. */
  | { type: 'stopped'; at: string; why: string; production: string; exit: ExitCode }
  /** The run is over. */
  | { type: 'ended'; at: string; end: RunEnd };

/** `target`: all on the release gone back to. `start`: all where the run started. `unchanged`: nothing was ever moved. */
export type GoodEnd = 'target' | 'start' | 'unchanged';

export interface RunEnd {
  on: GoodEnd;
  exit: ExitCode;
  /** One sentence: why it ended so. */
  why: string;
  /** One sentence: what runs now. */
  production: string;
}
