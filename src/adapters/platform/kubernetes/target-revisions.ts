import type { PlatformFacts } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { Release } from '../../../model/release.ts';
import { type OwnWorkload, ownFacts } from './own-facts.ts';

type OwnRevision = OwnWorkload['revisions'][string];

/** What a workload runs in a release of the service; undefined where it never ran it. */
export function revisionIn(
  { parts }: PlatformFacts,
  { workload, revisions }: OwnWorkload,
  release: string,
): OwnRevision | undefined {
  const part = parts?.find(({ name }) => name === workload);
  return revisions[part ? (part.ids[release] ?? '') : release];
}

/**
 * The facts with the target as it will run: under the id that it then has, with the revisions of those workloads whose
 * template is not quite what it was.
 * @param changed by workload
 */
export function withTarget(
  facts: PlatformFacts,
  wanted: Release,
  to: Release,
  changed: ReadonlyMap<string, OwnRevision>,
): PlatformFacts {
  if (changed.size === 0) return facts;
  const own = ownFacts(facts);
  const workloads = own.workloads.map((workload) => {
    const revision = changed.get(workload.workload);
    return revision
      ? { ...workload, revisions: { ...workload.revisions, [revision.id]: revision } }
      : workload;
  });
  const parts = facts.parts?.map((part) => {
    const id = changed.get(part.name)?.id ?? part.ids[wanted.id];
    return id === undefined ? part : { ...part, ids: { ...part.ids, [to.id]: id } };
  });
  const known = facts.releases.some(({ id }) => id === to.id);
  const releases = known ? facts.releases : [...facts.releases, to];
  return { ...facts, releases, ...(parts && { parts }), own: { ...own, workloads } };
}

/** Workloads of several that never ran the target: what they shall run then is not known. */
export function neverRan({ parts = [] }: PlatformFacts, { id, version }: Release): Finding[] {
  return parts
    .filter(({ ids }) => ids[id] === undefined)
    .map(({ name, releases }) => {
      const versions = [...new Set(releases.map((release) => release.version))];
      return {
        check: 'target',
        status: 'fail',
        title: `${name} never ran ${version}`,
        evidence: [`Versions that it ran, newest first: ${versions.join(', ')}.`],
        blocking: true,
        fix: [`Take ${name} out of platform.workloads, or choose a version that all of them ran`],
        headline: false,
      };
    });
}
