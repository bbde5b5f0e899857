import type { TrafficShare } from '../model/event.ts';
import type { PlatformFacts } from '../model/facts.ts';
import { serves } from '../model/facts.ts';

/** Who serves now, by version, in the order of first appearance by slot. */
export function trafficShare(facts: PlatformFacts): TrafficShare {
  const serving = new Map<string, number>();
  let draining = 0;
  for (const instance of [...facts.instances].sort((a, b) => a.slot - b.slot)) {
    const version = versionOf(facts, instance.release);
    if (serves(instance)) serving.set(version, (serving.get(version) ?? 0) + 1);
    if (!instance.inRotation) draining += instance.inFlight ?? 0;
  }
  return { serving: [...serving].map(([version, instances]) => ({ version, instances })), draining };
}

/** One sentence on what runs where, from what the platform said just now. */
export function describeProduction(facts: PlatformFacts): string {
  const { serving } = trafficShare(facts);
  const parts = serving.map(({ version, instances }) => `${count(instances, facts.noun)} of ${version}`);
  const unready = facts.instances.filter((instance) => instance.inRotation && !serves(instance));
  const tail = unready.length > 0 ? ` ${count(unready.length, facts.noun)} in rotation not ready.` : '';
  if (parts.length === 0) return `No ${facts.noun.one} serves.${tail}`;
  const total = serving.reduce((sum, { instances }) => sum + instances, 0);
  const list = parts.length === 1 ? parts[0] : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  return `${list} ${total === 1 ? 'serves' : 'serve'}.${tail}`;
}

export function versionOf(facts: PlatformFacts, releaseId: string): string {
  return facts.releases.find((release) => release.id === releaseId)?.version ?? releaseId;
}

function count(n: number, noun: { one: string; many: string }): string {
  return `${n} ${n === 1 ? noun.one : noun.many}`;
}
