import type { Preflight } from '../adapters/platform/platform.ts';
import { decideBackup } from '../checks/backup.ts';
import { checkConfiguration } from '../checks/configuration.ts';
import { checkMigrations } from '../checks/migrations.ts';
import { checkRegistry, checkRetention } from '../checks/registry.ts';
import { checkTarget } from '../checks/target.ts';
import { type Batches, checkTimeout, fewestWithin } from '../checks/timeout.ts';
import { buildPlan } from '../engine/plan.ts';
import { baselineOf } from '../judge/baseline.ts';
import { judgeFailing } from '../judge/failing.ts';
import { judgeRelease } from '../judge/known-good.ts';
import type { Facts, Known, PlatformFacts } from '../model/facts.ts';
import { type Finding, mayBeAccepted } from '../model/finding.ts';
import type { Plan, PlannedStep, Strategy } from '../model/plan.ts';
import type { Catalogs } from '../schema-changes/compare-catalogs.ts';
import { chooseStrategy } from './choose-strategy.ts';
import type { Target } from './choose-target.ts';
import { chooseTarget } from './choose-target.ts';
import type { CommandContext, RollbackOptions } from './context.ts';
import { lookAround, lookUpImage } from './gather-facts.ts';
import { catalogsFor } from './live-catalogs.ts';
import { type PlannedReversal, planReversal } from './plan-reversal.ts';
import { backupSteps, confirmSteps } from './proof-steps.ts';
import { withShippedMigrations } from './shipped-migrations.ts';
import { queryFindings } from './shipped-queries.ts';

/** With the strategy that was chosen. */
export interface ChosenOptions extends RollbackOptions {
  strategy: Strategy;
}

export interface Prepared {
  plan: Plan;
  facts: Facts;
  /** See `Preflight.revert`. */
  revert: string | undefined;
}

/** Gathers facts, runs every check and builds the plan. Reads only; dry run, execution and `check` all begin here. */
export async function prepare(
  context: CommandContext,
  asked: RollbackOptions,
  runId: string,
): Promise<Prepared> {
  const { adapters, clock, configuration, emit, stop } = context;
  const platform = await adapters.platform.facts(stop.immediate);
  const options = { ...asked, strategy: chooseStrategy(platform, asked.strategy) };
  const { target: name, desired, noun } = platform;
  emit({ type: 'target', target: name, instances: desired, noun });
  const looking = lookAround(platform, adapters, clock, configuration.retention.keep, stop.immediate);
  // It may fail while nobody waits for it yet; who does is told.
  looking.catch(() => {});
  const target = await chooseTarget(platform, looking, options.version, options.strategy, configuration.good);
  for (const message of target.skipped) emit({ type: 'notice', message });
  const [facts, looked] = await Promise.all([looking, lookAt(context, options, platform, target, runId)]);
  const image = facts.images[target.to.id] ?? (await lookUpImage(adapters, clock, target.to, stop.immediate));
  const aimed = looked.to ?? target.to;
  const { facts: seen, to } = await withShippedMigrations(
    context,
    {
      ...facts,
      platform: looked.facts ?? platform,
      images: { ...facts.images, [target.to.id]: image, [aimed.id]: image },
      preflight: looked.findings,
      configurationFindings: looked.configuration,
      prove: looked.prove,
    },
    aimed,
  );
  const reversal = await planReversal(context, options, seen, to);
  const catalogs = reversal.outlook?.asked ? undefined : await catalogsFor(context, seen, to);
  // A schema that is to be changed first says nothing yet.
  const queries = reversal.outlook?.asked ? [] : await queryFindings(context, seen, to);
  const plan = await planFrom(context, options, seen, { ...target, to }, runId, {
    reversal,
    catalogs,
    queries,
  });
  return { plan, facts: seen, revert: looked.revert };
}

/** What the platform says of this very target. */
function lookAt(
  { adapters, stop, configuration }: CommandContext,
  options: ChosenOptions,
  platform: PlatformFacts,
  { to }: Target,
  runId: string,
): Promise<Preflight> {
  const { strategy, reason, restoreSecrets = [] } = options;
  const wanted = { runId, to, strategy, reason, restoreSecrets, batch: batchOf(configuration, options) };
  return adapters.platform.preflight(platform, wanted, stop.immediate);
}

/** The plan for given facts; also used to build a plan again in the middle of a run. */
export async function planFrom(
  context: CommandContext,
  options: ChosenOptions,
  facts: Facts,
  { to, from, skipped }: Target,
  runId: string,
  {
    reversal,
    catalogs,
    queries = [],
    earlier = [],
  }: {
    reversal: PlannedReversal;
    catalogs?: Known<Catalogs> | undefined;
    queries?: Finding[];
    earlier?: PlannedStep[];
  },
): Promise<Plan> {
  const { configuration, adapters, clock } = context;
  const { good, retention, platform } = configuration;
  const baseline = baselineOf(to, good.minRequests);
  const backup = decideBackup(facts.database, options, configuration.backup, clock.now());
  const findings = [
    ...checkRegistry(facts, to),
    ...(await checkMigrations(reversal.facts, to, reversal.outlook, catalogs)),
    ...queries,
    ...reversal.findings,
    ...(facts.configurationFindings ?? checkConfiguration(facts, to)),
    ...backup.findings,
    checkTarget(to, judgeRelease(to, facts, good), skipped),
    checkRetention(facts, retention.keep),
    ...facts.preflight,
  ];
  const input = {
    runId,
    createdAt: new Date(clock.now()).toISOString(),
    facts,
    from,
    to,
    strategy: options.strategy,
    request: {
      by: `${context.holder.user}@${context.holder.host}`,
      reason: options.reason,
      timeoutS: options.timeoutS,
      monitorS: options.monitorS,
      backup: backup.take || backup.restorePoint !== undefined,
      ...(options.backupVerify ? { backupVerify: options.backupVerify } : {}),
      accepted: options.accept,
      ...(options.reverseMigrations ? { reverseMigrations: true } : {}),
    },
    failing: judgeFailing(facts, from.id, baseline, good),
    keepWarmMs: platform.keepWarm * 1000,
    batch: batchOf(configuration, options),
    prove: [...backupSteps(context, options, runId, backup), ...reversal.prove, ...(facts.prove ?? [])],
    first: reversal.first,
    earlier,
    confirm: confirmSteps(context, to.id, baseline),
    concurrency: CONCURRENCY,
  };
  const draft = buildPlan({ ...input, findings }, adapters.platform);
  const estimateWith = (batch: number) =>
    buildPlan({ ...input, findings, batch }, adapters.platform).estimateMs;
  const timeout = checkTimeout(draft.estimateMs, options.timeoutS, batchesOf(draft, estimateWith));
  return {
    ...draft,
    findings: waive([...findings, timeout], options),
    ...(reversal.outlook ? { reversal: reversal.outlook } : {}),
  };
}

/** Only rolling has batches, and only this platform more than one instance at once. */
function batchesOf(
  { strategy, platform, instances, noun, batch = 1, estimateMs, request: { timeoutS } }: Plan,
  estimateWith: (batch: number) => number,
): Batches | undefined {
  if (strategy !== 'rolling' || platform !== 'kubernetes') return undefined;
  const late = estimateMs > timeoutS * 1000;
  return {
    batch: Math.min(batch, instances),
    noun: noun.many,
    fits: late ? fewestWithin(timeoutS, instances, estimateWith) : undefined,
  };
}

function batchOf({ platform }: CommandContext['configuration'], { batch }: RollbackOptions): number {
  return batch ?? (platform.kind === 'kubernetes' ? platform.batch : 1);
}

/** Steps at once; more would only compete for the same machine. */
const CONCURRENCY = 16;

function waive(findings: Finding[], { accept, reason }: RollbackOptions): Finding[] {
  return findings.map((finding) =>
    finding.blocking && mayBeAccepted(finding.check) && accept.includes(finding.check)
      ? { ...finding, waived: { reason: reason ?? 'no reason given' } }
      : finding,
  );
}
