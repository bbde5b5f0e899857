import { judgeRelease } from '../judge/known-good.ts';
import { EXIT } from '../model/error.ts';
import type { Facts } from '../model/facts.ts';
import type { Release } from '../model/release.ts';
import { referenceTo } from '../model/release.ts';
import type { ReleaseRow } from '../model/views.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { gatherFacts } from './gather-facts.ts';

/** What could be rolled back to, newest first, with the evidence for and against each. */
export async function releases(context: CommandContext): Promise<CommandOutcome> {
  const { adapters, clock, configuration, stop } = context;
  const facts = await gatherFacts(adapters, clock, configuration.retention.keep, stop.immediate);
  const rows: ReleaseRow[] = facts.platform.releases.map((release) => {
    const { verdict, for: good, against } = judgeRelease(release, facts, configuration.good);
    return {
      release: referenceTo(release),
      deployedAt: release.deployedAt,
      current: release.id === facts.platform.current,
      verdict,
      for: good,
      against,
      ...imageOf(release, facts),
    };
  });
  return { exit: EXIT.done, json: rows };
}

function imageOf(release: Release, facts: Facts): Pick<ReleaseRow, 'image' | 'tagMoved'> {
  const image = facts.images[release.id];
  if (!image?.known) return { image: 'unknown', tagMoved: false };
  const { exists, tagDigest } = image.value;
  return { image: exists ? 'present' : 'missing', tagMoved: tagDigest !== release.image.digest };
}
