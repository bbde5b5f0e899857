import type { Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';

/** The target's image is there, and is what was deployed. A tag that was moved is said; the deployed digest is run. */
export function checkRegistry(facts: Facts, target: Release): Finding[] {
  const { reference, digest } = target.image;
  const image = facts.images[target.id];
  const common = { check: 'registry', headline: true };
  if (!image?.known) {
    return [
      {
        ...common,
        status: 'unknown',
        title: `Target version ${target.version} image could not be looked up`,
        evidence: [image?.why ?? 'It was not looked up.'],
        blocking: true,
        fix: [image?.fix ?? 'Mend the registry, then run the command again.'],
      },
    ];
  }
  if (!image.value.exists) {
    return [
      {
        ...common,
        status: 'fail',
        title: `Target version ${target.version} image does not exist in registry`,
        evidence: [
          `${reference} was deployed as ${digest}.`,
          image.value.problem ?? 'Its content is missing or damaged.',
        ],
        blocking: true,
        fix: [
          `Put the image back under its digest ${digest}.`,
          'Choose another version: rollback-deploy-auto releases',
        ],
      },
    ];
  }
  const { tagDigest } = image.value;
  const exists: Finding = {
    ...common,
    status: 'ok',
    title: `Target version ${target.version} image exists in registry`,
    evidence: [`${reference} is ${digest}`],
    blocking: false,
    fix: [],
  };
  if (digest === '')
    return [{ ...exists, evidence: [`${reference} is ${tagDigest}`] }, digestUnknown(reference)];
  if (tagDigest === digest) return [exists];
  const now = tagDigest ? `now means ${tagDigest}` : 'is gone';
  return [
    exists,
    {
      check: 'registry',
      headline: false,
      status: 'warn',
      title: `Tag ${reference} was moved since it was deployed; the deployed image is run`,
      evidence: [`It was deployed as ${digest}; the tag ${now}.`],
      blocking: false,
      fix: [],
    },
  ];
}

/** Without a digest nobody can tell whether the tag still means what was deployed. */
function digestUnknown(reference: string): Finding {
  return {
    check: 'registry',
    headline: false,
    status: 'warn',
    title: `What ${reference} meant when it was deployed is not known; what the tag means now is run`,
    evidence: ['No pod of it runs, and its digest was not recorded.'],
    blocking: false,
    fix: [
      'Record each release once it serves: rollback-deploy-auto snapshot',
      'Deploy images by digest: IMAGE:TAG@sha256:...',
    ],
  };
}

/** The images of the newest releases are kept, so that the next rollback finds them too. */
export function checkRetention(facts: Facts, keep: number): Finding {
  const newest = facts.platform.releases.slice(0, keep);
  const missing = newest.filter((release) => {
    const image = facts.images[release.id];
    return image?.known && !image.value.exists;
  });
  const unknown = newest.filter((release) => !facts.images[release.id]?.known);
  const common = { check: 'retention', blocking: false, headline: false };
  if (missing.length > 0) {
    return {
      ...common,
      status: 'warn',
      title: `${missing.length} of the last ${newest.length} releases can't be gone back to: image missing`,
      evidence: missing.map((release) => `${release.version} (${release.id}): ${release.image.digest}`),
      fix: [`Keep at least the images of the last ${keep} releases.`],
    };
  }
  if (unknown.length > 0) {
    return {
      ...common,
      status: 'unknown',
      title: `Images of ${unknown.length} of the last ${newest.length} releases could not be looked up`,
      evidence: unknown.map((release) => `${release.version} (${release.id})`),
      fix: [],
    };
  }
  return {
    ...common,
    status: 'ok',
    title: `Images of the last ${newest.length} releases are kept`,
    evidence: [],
    fix: [],
  };
}
