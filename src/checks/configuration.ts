import type { ConfigurationFacts, Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Release } from '../model/release.ts';

/**
 * Whether the target can be given the configuration it was deployed with. Variables and files come back from its
 * snapshot; secrets come from their source as it is today, so a secret that is gone stops, and a changed one warns.
 */
export function checkConfiguration(facts: Facts, target: Release): Finding[] {
  const { configuration } = facts;
  const common = { check: 'configuration', headline: true };
  if (!configuration.known) {
    return [
      {
        ...common,
        status: 'unknown',
        title: "Today's configuration could not be read",
        evidence: [configuration.why],
        blocking: true,
        fix: [configuration.fix ?? 'Mend the configuration, then run the command again.'],
      },
    ];
  }
  const missing = missingSecrets(target, configuration.value);
  if (missing.length > 0) {
    return [
      {
        ...common,
        status: 'fail',
        title: `Configuration not compatible with target version: ${missing.length} missing`,
        evidence: missing,
        blocking: true,
        fix: ['Provide what is missing, then run the command again.'],
      },
    ];
  }
  const rotated = rotatedSecrets(target, configuration.value);
  const ok: Finding = {
    ...common,
    status: 'ok',
    title: 'Configuration compatible with target version',
    evidence: differences(target, configuration.value),
    blocking: false,
    fix: [],
  };
  if (rotated.length === 0) return [ok];
  const warning: Finding = {
    check: 'configuration',
    headline: false,
    status: 'warn',
    title: `${rotated.length} ${rotated.length === 1 ? 'secret has' : 'secrets have'} changed since ${target.version} served`,
    evidence: rotated,
    blocking: false,
    fix: ["Today's values are used: an old credential may have been revoked."],
  };
  return [ok, warning];
}

function missingSecrets(target: Release, today: ConfigurationFacts): string[] {
  return Object.entries(target.configuration.secrets)
    .filter(([name]) => today.secrets[name]?.fingerprint === undefined)
    .map(([name, { source }]) =>
      today.secrets[name]
        ? `Secret ${name}: its source ${today.secrets[name].source} can't be read.`
        : `Secret ${name}: ${target.version} needs it (from ${source}), and it is no longer configured.`,
    );
}

function rotatedSecrets(target: Release, today: ConfigurationFacts): string[] {
  return Object.entries(target.configuration.secrets)
    .filter(([name, { fingerprint }]) => fingerprint && today.secrets[name]?.fingerprint !== fingerprint)
    .map(([name, { source }]) => `Secret ${name} (${source}) has another value now.`);
}

/** What goes back with the release, a sentence each. */
function differences(target: Release, today: ConfigurationFacts): string[] {
  const { environment, files } = target.configuration;
  const says: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    const now = today.environment[name];
    if (now === undefined) says.push(`Variable ${name} is gone today; it comes back with ${target.version}.`);
    else if (now !== value) says.push(`Variable ${name} has changed; it goes back with ${target.version}.`);
  }
  for (const name of Object.keys(today.environment)) {
    if (!(name in environment)) says.push(`Variable ${name} is new; ${target.version} runs without it.`);
  }
  for (const file of files) {
    const now = today.files[file.path];
    if (now === undefined)
      says.push(`File ${file.path} is gone today; it comes back with ${target.version}.`);
    else if (now !== file.sha256)
      says.push(`File ${file.path} has changed; it goes back with ${target.version}.`);
  }
  return says;
}
