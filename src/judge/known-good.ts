import type { Facts } from '../model/facts.ts';
import { quantileMs } from '../model/histogram.ts';
import type { Release } from '../model/release.ts';

/** When evidence counts as good. */
export interface GoodRules {
  /** Fewer requests in service are no evidence. */
  minRequests: number;
  /** Ratio 0-1. */
  maxErrorRate: number;
}

export interface Goodness {
  verdict: 'good' | 'bad' | 'unknown';
  /** Sentences for and against it. */
  for: string[];
  against: string[];
}

/** Judges one release by what was seen of it while it served, and by what earlier runs went back from. */
export function judgeRelease(release: Release, facts: Facts, rules: GoodRules): Goodness {
  const { evidence } = release;
  const good: string[] = [];
  const bad: string[] = [];
  const run = facts.rolledBackFrom[release.image.digest];
  if (run && release.image.digest !== '') bad.push(`rolled back from in ${run}`);
  const rate = evidence.requests === 0 ? undefined : evidence.errors / evidence.requests;
  const p95 = quantileMs(evidence.latency, 0.95);
  const enough = evidence.requests >= rules.minRequests && rate !== undefined;
  if (enough) {
    const says = `${evidence.requests} requests served, ${percent(rate)} errors, p95 ${Math.round(p95 ?? 0)}ms`;
    if (rate > rules.maxErrorRate) bad.push(`${says} (more than ${percent(rules.maxErrorRate)})`);
    else good.push(says);
  }
  const probes = evidence.probesPassed + evidence.probesFailed;
  if (probes > 0 && evidence.probesFailed / probes > 0.05) {
    bad.push(`${evidence.probesFailed} of ${probes} health probes failed while it served`);
  }
  if (evidence.crashes > 0) {
    const says = `${evidence.crashes} ${evidence.crashes === 1 ? 'crash' : 'crashes'} while it served`;
    // One crash in a long service is no verdict; a crash every few minutes is.
    if (evidence.crashes * 10 * 60_000 > evidence.servedMs) bad.push(says);
  }
  if (bad.length > 0) return { verdict: 'bad', for: good, against: bad };
  if (enough) return { verdict: 'good', for: good, against: [] };
  const seen =
    evidence.requests === 0 ? 'no request was seen' : `only ${evidence.requests} requests were seen`;
  return { verdict: 'unknown', for: [], against: [`${seen} while it served`] };
}

export interface Choice {
  /** undefined where no earlier release is known to be good. */
  release: Release | undefined;
  /** Newer ones passed over, with why. */
  skipped: { release: Release; why: string }[];
}

/** `previous`: the newest release before the one that runs whose evidence says good. */
export function lastKnownGood(facts: Facts, rules: GoodRules): Choice {
  const { releases, current, canary } = facts.platform;
  const running = releases.find((release) => release.id === current);
  // With a canary in progress the stable release beside it is the one to go back to.
  const candidates = canary
    ? releases.slice(releases.findIndex((release) => release.id === current))
    : releases.slice(releases.findIndex((release) => release.id === current) + 1);
  const skipped: Choice['skipped'] = [];
  const unproven: Release[] = [];
  for (const release of running ? candidates : []) {
    if (!canary && running && sameImage(release, running, facts)) {
      skipped.push({ release, why: 'the same image as the one that runs' });
      continue;
    }
    const { verdict, against } = judgeRelease(release, facts, rules);
    if (verdict === 'good') return { release, skipped };
    skipped.push({ release, why: against.join('; ') });
    if (verdict === 'unknown' && mayHaveServed(release)) unproven.push(release);
  }
  // Where nothing counts requests, the newest one that ran in full number is the best that is known.
  const [best] = unproven.sort((a, b) => Number(b.wasAvailable ?? false) - Number(a.wasAvailable ?? false));
  if (best) return { release: best, skipped: skipped.filter(({ release }) => release !== best) };
  return { release: undefined, skipped };
}

/** Only platforms that count no requests tell; there a release that was never seen in full number is the second choice. */
function mayHaveServed(release: Release): boolean {
  return 'wasAvailable' in release;
}

function sameImage(a: Release, b: Release, facts: Facts): boolean {
  const [one, other] = [contentOf(a, facts), contentOf(b, facts)];
  return one && other ? one === other : a.image.reference === b.image.reference;
}

/** Where it is not known what was deployed, what the tag means now is what would run. */
function contentOf({ id, image }: Release, facts: Facts): string | undefined {
  const looked = facts.images[id];
  return image.digest || (looked?.known ? looked.value.tagDigest : undefined);
}

/** `0.01%`, `5%`: a ratio for people, two digits at most. */
export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value >= 10 ? value.toFixed(0) : Number(value.toFixed(2))}%`;
}
