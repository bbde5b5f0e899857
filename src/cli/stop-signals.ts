import type { StopSignals } from '../commands/context.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import { PROGRAM } from './usage.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * From now on the first signal asks the run to stop at its next safe point, and the second to leave at once. `monitor`
 * moves nothing, so it leaves at the first. A terminal that closes (SIGHUP) counts too: what runs then ends on safe
 * ground.
 */
export function stopOnSignals(emit: EventSink, command: string): StopSignals {
  const requested = new AbortController();
  const immediate = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const first = !requested.signal.aborted;
      requested.abort('interrupt');
      if (first && command !== 'monitor') {
        emit({
          type: 'notice',
          message: `${signal}: stopping at the next safe point. Once more leaves at once; "${PROGRAM} resume" then goes on.`,
        });
      } else if (!immediate.signal.aborted) {
        if (command !== 'monitor') emit({ type: 'notice', message: `${signal}: leaving at once.` });
        immediate.abort(left(signal, command));
      }
    });
  }
  return { requested: requested.signal, immediate: immediate.signal };
}

/** For commands that move nothing: a signal ends the process as usual. */
export function neverStopped(): StopSignals {
  return { requested: new AbortController().signal, immediate: new AbortController().signal };
}

/** What is thrown where nothing better is known of the moment of leaving. */
function left(signal: string, command: string): RollbackError {
  return new RollbackError({
    code: 'INTERRUPTED',
    summary: `Left at once after ${signal}`,
    detail: command === 'monitor' ? 'The watch itself goes on beside production.' : undefined,
    fix:
      command === 'monitor'
        ? `Look on again: ${PROGRAM} monitor RUN`
        : `See what runs: ${PROGRAM} status; where a run was begun, go on: ${PROGRAM} resume`,
    exit: EXIT.interrupted,
  });
}
