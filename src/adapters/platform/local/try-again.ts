import { setTimeout as wait } from 'node:timers/promises';
import { RollbackError } from '../../../model/error.ts';

/** How long a call is tried again while supervisor or proxy come back, ms. */
const AGAIN_MS = 20_000;
const PAUSE_MS = 100;

/**
 * Makes a call to the supervisor, and again while its errors are retriable. Every call of `SupervisorClient` may be
 * made again: asked for twice, it is done once.
 */
export async function tryAgain<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const until = performance.now() + AGAIN_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const retriable = error instanceof RollbackError && error.retriable;
      if (!retriable || performance.now() > until) throw error;
      await wait(PAUSE_MS, undefined, { signal });
    }
  }
}
