import type { PlatformFacts } from '../../src/model/facts.ts';
import { serves } from '../../src/model/facts.ts';
import type { JournalEntry, RunEnd } from '../../src/model/journal.ts';
import { NEW, OLD } from './sim-world.ts';

/** Production stands exactly where the run says it ended, and the end was one it may have. */
export function checkEnd(
  end: RunEnd,
  facts: PlatformFacts,
  start: PlatformFacts,
  confirmed: boolean,
): string[] {
  const violations: string[] = [];
  const serving = facts.instances.filter(serves);
  if (end.on === 'target') {
    if (serving.length !== start.desired || serving.some((instance) => instance.release !== OLD)) {
      violations.push(`ended on the target, and ${list(facts)} serve`);
    }
    if (facts.current !== OLD || facts.canary)
      violations.push('ended on the target, and the platform is set otherwise');
    if ((end.exit === 0) !== confirmed) violations.push(`exit ${end.exit}, validation ok: ${confirmed}`);
  } else {
    if (list(facts) !== list(start))
      violations.push(`ended ${end.on}, and ${list(facts)} serve instead of ${list(start)}`);
    if (facts.current !== start.current || facts.canary !== start.canary) {
      violations.push(`ended ${end.on}, and the platform is set otherwise`);
    }
    if (end.exit === 0) violations.push('exit 0 though the target was not reached');
  }
  return violations;
}

/** Every step is journalled as started before it is done, done once, and nothing follows the end. */
export function checkJournal(entries: JournalEntry[]): string[] {
  const violations: string[] = [];
  let steps = new Map<string, string>();
  for (const [index, entry] of entries.entries()) {
    if (entry.type === 'planned') steps = new Map();
    if (entry.type === 'started') {
      if (steps.get(entry.step) === 'done') violations.push(`${entry.step} started after it was done`);
      steps.set(entry.step, 'started');
    }
    if (entry.type === 'done') {
      if (steps.get(entry.step) === 'done') violations.push(`${entry.step} done twice`);
      if (!entry.observed && steps.get(entry.step) !== 'started')
        violations.push(`${entry.step} done, never started`);
      steps.set(entry.step, 'done');
    }
    if (entry.type === 'ended' && index !== entries.length - 1) violations.push('entries after the end');
  }
  const epochs = entries.filter((entry) => entry.type === 'leased').map((entry) => entry.epoch);
  if (epochs.some((epoch, i) => i > 0 && epoch <= (epochs[i - 1] as number)))
    violations.push('epochs do not rise');
  return violations;
}

function list(facts: PlatformFacts): string {
  const named = (release: string) => (release === NEW ? 'v2.14.4' : 'v2.14.3');
  return facts.instances
    .filter(serves)
    .map((instance) => `${instance.slot}:${named(instance.release)}`)
    .sort()
    .join(' ');
}
