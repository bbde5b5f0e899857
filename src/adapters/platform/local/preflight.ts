import { freemem } from 'node:os';
import { type PlatformFacts, serves } from '../../../model/facts.ts';
import type { Finding } from '../../../model/finding.ts';
import type { LocalConfiguration } from './service-file.ts';
import type { SupervisorState } from './supervisor-api.ts';

/** What stands against moving the service now. Only instances that serve count as capacity. */
export function preflightFindings(
  facts: PlatformFacts,
  { platform }: Pick<LocalConfiguration, 'platform'>,
  state: SupervisorState,
): Finding[] {
  return [capacity(facts), ...configured(facts, platform.instances), ...troubles(state)];
}

function capacity({ instances, desired, noun }: PlatformFacts): Finding {
  const serving = instances.filter(serves).length;
  const evidence = [
    `${serving} of ${desired} ${noun.many} serve`,
    `${Math.round(freemem() / 1_000_000)} MB of memory are free`,
  ];
  const common = { check: 'capacity', blocking: false, headline: false, evidence, fix: [] };
  if (serving >= desired) return { ...common, status: 'ok', title: `All ${desired} ${noun.many} serve` };
  return { ...common, status: 'warn', title: `Only ${serving} of ${desired} ${noun.many} serve now` };
}

function configured({ desired, noun }: PlatformFacts, instances: number): Finding[] {
  if (desired === instances) return [];
  return [
    {
      check: 'platform',
      status: 'warn',
      title: `The supervisor keeps ${desired} ${noun.many}, the configuration says ${instances}`,
      evidence: [],
      blocking: false,
      fix: ['Take the configuration over: rollback-deploy-auto local start'],
      headline: false,
    },
  ];
}

function troubles({ problems }: SupervisorState): Finding[] {
  if (problems.length === 0) return [];
  return [
    {
      check: 'platform',
      status: 'warn',
      title: 'The supervisor reports problems',
      evidence: problems,
      blocking: false,
      fix: ['Look at what runs: rollback-deploy-auto local status'],
      headline: false,
    },
  ];
}
