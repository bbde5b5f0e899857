import type { PlatformFacts } from '../model/facts.ts';
import type { Plan, Precondition } from '../model/plan.ts';

/** What a plan made from these facts rests on. */
export function preconditions(facts: PlatformFacts): Precondition[] {
  const now = preconditionFacts(facts);
  const version = facts.releases.find((release) => release.id === facts.current)?.version;
  return [
    {
      says: `${facts.service} is set to run ${version} (${facts.current})`,
      fact: 'current',
      equals: now.current ?? null,
    },
    {
      says: facts.canary ? `release ${facts.canary} is its canary` : 'no canary is in progress',
      fact: 'canary',
      equals: now.canary ?? null,
    },
    {
      says: `${facts.desired} ${facts.noun.many} shall serve`,
      fact: 'desired',
      equals: now.desired ?? null,
    },
    ...(facts.parts ?? []).map(({ name, current, desired }) => ({
      says: `${name} is set to run ${current} with ${desired} ${facts.noun.many}`,
      fact: `parts.${name}`,
      equals: now[`parts.${name}`] ?? null,
    })),
  ];
}

/** Preconditions that no longer hold, a sentence each. */
export function brokenPreconditions(plan: Plan, facts: PlatformFacts): string[] {
  const now = preconditionFacts(facts);
  return plan.preconditions
    .filter(({ fact, equals }) => (now[fact] ?? null) !== equals)
    .map(({ says, fact }) => `No longer true: ${says} (now ${now[fact] ?? 'none'}).`);
}

function preconditionFacts(facts: PlatformFacts): Record<string, string | number | null> {
  const parts = (facts.parts ?? []).map(({ name, current, desired }) => [
    `parts.${name}`,
    `${current} with ${desired} ${facts.noun.many}`,
  ]);
  return {
    current: facts.current ?? null,
    canary: facts.canary ?? null,
    desired: facts.desired,
    ...Object.fromEntries(parts),
  };
}
