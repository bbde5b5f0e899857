import { setMaxListeners } from 'node:events';
import type { StopSignals } from '../commands/context.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { EventSink } from '../model/event.ts';
import { PROGRAM } from './usage.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Signals extends StopSignals {
  /** Signals from now on are for another command; what was asked for before stays asked for. */
  restart(emit: EventSink, command: string): Signals;
}

/**
 * From now on the first signal asks the run to stop at its next safe point, and the second to leave at once. `monitor`
 * moves nothing, so it leaves at the first. A terminal that closes (SIGHUP) counts too: what runs then ends on safe
 * ground.
 */
export function stopOnSignals(emit: EventSink, command: string): Signals {
  const requested = new AbortController();
  const immediate = new AbortController();
  // Whatever waits, waits on these two.
  setMaxListeners(0, requested.signal, immediate.signal);
  const listeners = SIGNALS.map((signal) => {
    const listener = () => {
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
    };
    process.on(signal, listener);
    return [signal, listener] as const;
  });
  return {
    requested: requested.signal,
    immediate: immediate.signal,
    restart(nextEmit, nextCommand) {
      for (const [signal, listener] of listeners) process.off(signal, listener);
      const next = stopOnSignals(nextEmit, nextCommand);
      const both = AbortSignal.any([requested.signal, next.immediate]);
      setMaxListeners(0, both);
      return { ...next, requested: both, immediate: both };
    },
  };
}

/** For commands that move nothing: a signal ends the process as usual. */
export function neverStopped(): Signals {
  const never = { requested: new AbortController().signal, immediate: new AbortController().signal };
  setMaxListeners(0, never.requested, never.immediate);
  return { ...never, restart: stopOnSignals };
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
