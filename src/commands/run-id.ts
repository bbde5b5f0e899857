import type { Clock } from '../model/clock.ts';

/** `r-20261123-210338-7f3a`: sorts by time, and tells runs of the same second apart. */
export function newRunId(clock: Clock): string {
  const digits = new Date(clock.now()).toISOString().replace(/[-:]/g, '');
  return `r-${digits.slice(0, 8)}-${digits.slice(9, 15)}-${clock.randomId()}`;
}
