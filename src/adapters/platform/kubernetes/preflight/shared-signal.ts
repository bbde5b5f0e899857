import { setMaxListeners } from 'node:events';

/** Aborted with `signal`; for many requests at once, each of which listens while it lasts. */
export function sharedSignal(signal: AbortSignal): AbortSignal {
  const shared = AbortSignal.any([signal]);
  setMaxListeners(0, shared);
  return shared;
}
