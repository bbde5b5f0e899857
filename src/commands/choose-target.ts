import type { Choice, GoodRules } from '../judge/known-good.ts';
import { lastKnownGood } from '../judge/known-good.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import type { Facts, PlatformFacts } from '../model/facts.ts';
import type { Strategy } from '../model/plan.ts';
import type { Release, ReleaseReference } from '../model/release.ts';
import { referenceTo } from '../model/release.ts';
import { closest } from '../model/suggest.ts';

export interface Target {
  to: Release;
  from: ReleaseReference;
  /** Newer releases passed over by `previous`, a sentence each. */
  skipped: string[];
}

/**
 * Which release is meant by `version` (a tag, a release id, or `previous`), and which one it is gone back from. Only
 * `previous` rests on evidence, so a version that was named is known before all facts are gathered.
 * @throws RollbackError `NOTHING_DEPLOYED`, `NO_CANARY`, `UNKNOWN_VERSION`, `ALREADY_RUNNING` (exit 2), `NO_KNOWN_GOOD` (exit 4)
 */
export async function chooseTarget(
  platform: PlatformFacts,
  facts: Promise<Facts>,
  version: string,
  strategy: Strategy,
  rules: GoodRules,
): Promise<Target> {
  const current = platform.releases.find((release) => release.id === platform.current);
  if (!current) {
    throw new RollbackError({
      code: 'NOTHING_DEPLOYED',
      summary: `Nothing of ${platform.service} is deployed on ${platform.target}`,
      detail: 'There is no release that runs, so there is none to go back from.',
      exit: EXIT.usage,
    });
  }
  const canary = platform.releases.find((release) => release.id === platform.canary);
  if (strategy === 'canary' && !canary) {
    throw new RollbackError({
      code: 'NO_CANARY',
      summary: `No canary of ${platform.service} is in progress`,
      detail: `All traffic goes to ${current.version}; strategy canary takes a canary back.`,
      fix: 'Choose another strategy: --strategy rolling, blue-green or instant.',
      exit: EXIT.usage,
    });
  }
  const { to, skipped } = version === 'previous' ? previous(await facts, rules) : named(platform, version);
  const from = canary && to.id === current.id ? canary : current;
  if (to.id === from.id && onlyOn(platform, to)) {
    throw new RollbackError({
      code: 'ALREADY_RUNNING',
      summary: `${platform.service} runs ${to.version} already`,
      detail: `It is the current release (${to.id}), and nothing else is in rotation.`,
      fix: 'See what could be gone back to: rollback-deploy-auto releases',
      exit: EXIT.usage,
    });
  }
  return { to, from: referenceTo(from), skipped };
}

function previous(facts: Facts, rules: GoodRules): { to: Release; skipped: string[] } {
  const choice = lastKnownGood(facts, rules);
  const skipped = explainSkipped(choice);
  if (choice.release) return { to: choice.release, skipped };
  const older = skipped.length > 0 ? skipped.join('\n') : 'No earlier release is recorded.';
  throw new RollbackError({
    code: 'NO_KNOWN_GOOD',
    summary: `No earlier release of ${facts.platform.service} is known to be good`,
    detail: older,
    fix: 'Name one yourself: rollback-deploy-auto --version TAG (see rollback-deploy-auto releases)',
    exit: EXIT.refused,
  });
}

function explainSkipped({ skipped }: Choice): string[] {
  return skipped.map(({ release, why }) => `Passed over ${release.version} (${release.id}): ${why}.`);
}

function named(
  { releases, current, canary, service }: PlatformFacts,
  version: string,
): { to: Release; skipped: string[] } {
  const matching = releases.filter((release) => release.version === version || release.id === version);
  // With a canary, its own stable release is a target; otherwise the same tag deployed earlier is what is meant.
  const to = matching.find((release) => canary !== undefined || release.id !== current) ?? matching[0];
  if (to) return { to, skipped: [] };
  const names = [...new Set(releases.map((release) => release.version))];
  const near = closest(version, names);
  throw new RollbackError({
    code: 'UNKNOWN_VERSION',
    summary: `Version ${version} of ${service} was never deployed here`,
    detail: `${near ? `Did you mean ${near}? ` : ''}Known versions, newest first: ${names.join(', ')}.`,
    fix: 'See what could be gone back to: rollback-deploy-auto releases',
    exit: EXIT.usage,
  });
}

/** Whether all that is in rotation is that release, in full number. */
function onlyOn({ instances, desired }: PlatformFacts, release: Release): boolean {
  const inRotation = instances.filter((instance) => instance.inRotation);
  return inRotation.length >= desired && inRotation.every((instance) => instance.release === release.id);
}
