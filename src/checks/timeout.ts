import type { Finding } from '../model/finding.ts';

/** A plan that can't be done in time is refused before anything moves. */
export function checkTimeout(estimateMs: number, timeoutS: number): Finding {
  const estimate = `${(estimateMs / 1000).toFixed(1)} s`;
  const common = { check: 'timeout', headline: false };
  if (estimateMs <= timeoutS * 1000) {
    const title = `Estimated ${estimate}, within the ${timeoutS} s allowed`;
    return { ...common, status: 'ok', title, evidence: [], blocking: false, fix: [] };
  }
  return {
    ...common,
    status: 'fail',
    title: `Estimated ${estimate}, longer than the ${timeoutS} s allowed`,
    evidence: ['From start times seen before, the drain and the shortest validation.'],
    blocking: true,
    fix: [
      `Allow more: --timeout ${Math.ceil((estimateMs / 1000) * 1.5)}`,
      'Choose a faster strategy: --strategy instant',
    ],
  };
}
