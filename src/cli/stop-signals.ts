import type { StopSignals } from '../commands/context.ts';
import type { EventSink } from '../model/event.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * From now on the first signal asks the run to stop at its next safe point, and the second to leave at once.
 * A terminal that closes (SIGHUP) counts too: what runs then ends on safe ground.
 */
export function stopOnSignals(emit: EventSink): StopSignals {
  const requested = new AbortController();
  const immediate = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (!requested.signal.aborted) {
        emit({
          type: 'notice',
          message: `${signal}: stopping at the next safe point. Once more leaves at once; "resume" then goes on.`,
        });
        requested.abort('interrupt');
      } else if (!immediate.signal.aborted) {
        emit({ type: 'notice', message: `${signal}: leaving at once. "resume" goes on.` });
        immediate.abort('interrupt');
      }
    });
  }
  return { requested: requested.signal, immediate: immediate.signal };
}

/** For commands that move nothing: a signal ends the process as usual. */
export function neverStopped(): StopSignals {
  return { requested: new AbortController().signal, immediate: new AbortController().signal };
}
