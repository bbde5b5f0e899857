import type { Lease, StateStore } from '../adapters/store/store.ts';
import { LEASE_TTL_MS } from '../adapters/store/store.ts';
import type { Clock } from '../model/clock.ts';
import { RollbackError } from '../model/error.ts';

export interface Heartbeat {
  /** Aborted with the reason once the lease is no longer ours, or could not be renewed for its whole time. */
  lost: AbortSignal;
  stop(): void;
}

/** Renews the lease in the background. */
export function startHeartbeat(parts: { store: StateStore; lease: Lease; clock: Clock }): Heartbeat {
  const { store, lease, clock } = parts;
  const lost = new AbortController();
  const over = new AbortController();
  let renewed = clock.monotonic();
  const beat = async () => {
    while (!over.signal.aborted && !lost.signal.aborted) {
      await clock.sleep(LEASE_TTL_MS / 3, over.signal);
      try {
        await store.renew(lease);
        renewed = clock.monotonic();
      } catch (error) {
        const gone = error instanceof RollbackError && error.code === 'LEASE_LOST';
        // Others may follow after a whole TTL without a heartbeat, so from then on nothing may be moved.
        if (gone || clock.monotonic() - renewed >= LEASE_TTL_MS) lost.abort(error);
      }
    }
  };
  beat().catch((error) => {
    if (!over.signal.aborted) lost.abort(error);
  });
  return { lost: lost.signal, stop: () => over.abort() };
}
