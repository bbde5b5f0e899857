import type { Clock } from '../model/clock.ts';
import type { EventSink } from '../model/event.ts';
import type { Output } from './status-colours.ts';

export interface ReporterParts {
  stdout: Output;
  stderr: Output;
  output: 'text' | 'json';
  /** Whether to draw a live view: stdout and stderr are terminals, and TERM is not `dumb`. Ignored for `json`. */
  interactive: boolean;
  clock: Clock;
}

/**
 * Tells a run while it happens. Entries of a run that is gone on with are told from the first on, before new ones.
 */
export interface Reporter {
  emit: EventSink;
  /**
   * Prints what is left: for `text` the rest of the run's text as it stands, for `json` the document, once. The terminal
   * is then as it was before. Call it exactly once, also after an error.
   */
  finish(document?: unknown): void;
}
