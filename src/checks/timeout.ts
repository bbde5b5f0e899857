import type { Finding } from '../model/finding.ts';

/** What a rolling rollback moves at once, and what it could. */
export interface Batches {
  /** Instances at once, as the plan has it. */
  batch: number;
  /** E.g. `pods`. */
  noun: string;
  /** The fewest at once that are done in time; undefined where none are. */
  fits: number | undefined;
}

/**
 * A plan that can't be done in time is refused before anything moves.
 * @param batches undefined where the strategy has none, or the platform moves one at a time
 */
export function checkTimeout(estimateMs: number, timeoutS: number, batches?: Batches): Finding {
  const common = { check: 'timeout', headline: false };
  const how = batches && batches.batch > 1 ? ` with ${batches.batch} ${batches.noun} at once` : '';
  const estimate = `Estimated ${(estimateMs / 1000).toFixed(1)} s${how}`;
  if (estimateMs <= timeoutS * 1000) {
    const title = `${estimate}, within the ${timeoutS} s allowed`;
    return { ...common, status: 'ok', title, evidence: [], blocking: false, fix: [] };
  }
  const more = batches?.fits === undefined ? [] : [`Move more at once: --batch ${batches.fits}`];
  return {
    ...common,
    status: 'fail',
    title: `${estimate}, longer than the ${timeoutS} s allowed`,
    evidence: ['From start times seen before, the drain and the shortest validation.'],
    blocking: true,
    fix: [
      `Allow more: --timeout ${Math.ceil((estimateMs / 1000) * 1.5)}`,
      ...more,
      'Choose a faster strategy: --strategy instant',
    ],
  };
}

/** The smallest of 1 to `most` whose estimate is within the time; undefined where that of `most` is not. */
export function fewestWithin(
  timeoutS: number,
  most: number,
  estimateMs: (batch: number) => number,
): number | undefined {
  const fits = (batch: number) => estimateMs(batch) <= timeoutS * 1000;
  if (most < 1 || !fits(most)) return undefined;
  let low = 1;
  let high = most;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
