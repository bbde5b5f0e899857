import type { Facts, PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';
import type { StartState } from '../model/plan.ts';
import type { Baseline } from './baseline.ts';
import type { GoodRules } from './known-good.ts';
import { percent } from './known-good.ts';

/**
 * Whether the release that runs is failing by evidence: none of its instances is ready, or its recent error rate is
 * above both what counts as good and the target's baseline. Too little traffic is no evidence.
 */
export function judgeFailing(
  facts: Facts,
  release: string,
  baseline: Baseline | undefined,
  rules: GoodRules,
): StartState['failing'] {
  const evidence = [...notReady(facts.platform, release)];
  const recent = facts.recentTraffic[release];
  if (recent?.known && recent.value.requests >= rules.minRequests) {
    const { requests, errors } = recent.value;
    const rate = errors / requests;
    const limit = Math.max(rules.maxErrorRate, baseline?.errorRate ?? 0);
    if (rate > limit) {
      evidence.push(`${percent(rate)} of its last ${requests} requests failed, more than ${percent(limit)}`);
    }
  }
  return { is: evidence.length > 0, evidence };
}

/** Of a service in parts one part is enough; a part that does not run the release is no evidence. */
function notReady(facts: PlatformFacts, release: string): string[] {
  const own = facts.instances.filter((instance) => instance.release === release && instance.inRotation);
  if (!own.some(serves)) return [`none of its ${facts.noun.many} is ready`];
  const parts = new Set(own.map(({ part }) => part));
  return [...parts]
    .filter((part) => !own.some((instance) => instance.part === part && serves(instance)))
    .map((part) => `none of its ${facts.noun.many} of ${part} is ready`);
}
