import type { Goodness } from '../judge/known-good.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';

/** Whether there is reason to believe that the target is good. Known bad and no evidence warn; they do not stop. */
export function checkTarget(target: Release, goodness: Goodness, skipped: string[]): Finding {
  const common = { check: 'target', blocking: false, headline: false };
  const evidence = [...goodness.for, ...goodness.against, ...skipped];
  const fix = ['List what else could be gone back to: rollback-deploy-auto releases'];
  switch (goodness.verdict) {
    case 'good':
      return { ...common, status: 'ok', title: `${target.version} is known to be good`, evidence, fix: [] };
    case 'bad':
      return {
        ...common,
        status: 'warn',
        title: `${target.version} was not good when it served`,
        evidence,
        fix,
      };
    case 'unknown':
      return {
        ...common,
        status: 'warn',
        title: `${target.version}: no health evidence recorded`,
        evidence,
        fix,
      };
  }
}
