import { setMaxListeners } from 'node:events';
import type { Clock } from '../model/clock.ts';

/**
 * Runs `work` with a signal that is aborted with `reason()` after `ms`, or with a parent's reason. Resolves or rejects as
 * the work does; work that ignores its signal is left after `GRACE_MS`, and the reason is thrown.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  parents: AbortSignal[],
  reason: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const finished = new AbortController();
  // Every step at work listens to the same few signals; that is no leak.
  setMaxListeners(0, own.signal, finished.signal, ...parents);
  const abortFrom = (parent: AbortSignal) => () => own.abort(parent.reason);
  const listeners = parents.map((parent) => ({ parent, listener: abortFrom(parent) }));
  for (const { parent, listener } of listeners) {
    if (parent.aborted) own.abort(parent.reason);
    else parent.addEventListener('abort', listener, { once: true });
  }
  if (Number.isFinite(ms)) {
    clock.sleep(ms, finished.signal).then(
      () => own.abort(reason()),
      () => {},
    );
  }
  const left = new Promise<never>((_, reject) => {
    const leave = () =>
      clock.sleep(GRACE_MS, finished.signal).then(
        () => reject(own.signal.reason),
        () => {},
      );
    if (own.signal.aborted) void leave();
    else own.signal.addEventListener('abort', () => void leave(), { once: true });
  });
  try {
    return await Promise.race([work(own.signal), left]);
  } finally {
    finished.abort();
    for (const { parent, listener } of listeners) parent.removeEventListener('abort', listener);
  }
}

const GRACE_MS = 2_000;
