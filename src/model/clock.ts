/** Time, identifiers and randomness come in from outside, so that a simulation runs the real engine. */
export interface Clock {
  /** ms since the epoch; may jump. For what people read. */
  now(): number;
  /** ms that never go back. For deadlines and durations. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Four hex digits and the like, to tell runs of the same second apart. */
  randomId(): string;
}

export function isoTime(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
