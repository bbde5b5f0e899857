import { checkConfiguration } from '../checks/configuration.ts';
import { checkMigrations } from '../checks/migrations.ts';
import { checkRegistry, checkRetention } from '../checks/registry.ts';
import { checkTarget } from '../checks/target.ts';
import { checkTimeout } from '../checks/timeout.ts';
import { buildPlan } from '../engine/plan.ts';
import { baselineOf } from '../judge/baseline.ts';
import { judgeFailing } from '../judge/failing.ts';
import { judgeRelease } from '../judge/known-good.ts';
import type { Facts } from '../model/facts.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan, PlannedStep } from '../model/plan.ts';
import type { Target } from './choose-target.ts';
import { chooseTarget } from './choose-target.ts';
import type { CommandContext, RollbackOptions } from './context.ts';
import { gatherFacts, lookUpImage } from './gather-facts.ts';

export interface Prepared {
  plan: Plan;
  facts: Facts;
}

/** Gathers facts, runs every check and builds the plan. Reads only; dry run, execution and `check` all begin here. */
export async function prepare(
  context: CommandContext,
  options: RollbackOptions,
  runId: string,
): Promise<Prepared> {
  const { adapters, clock, configuration, emit, stop } = context;
  const facts = await gatherFacts(adapters, clock, configuration.retention.keep, stop.immediate);
  const { target: name, desired, noun } = facts.platform;
  emit({ type: 'target', target: name, instances: desired, noun });
  const target = chooseTarget(facts, options.version, options.strategy, configuration.good);
  for (const message of target.skipped) emit({ type: 'notice', message });
  facts.images[target.to.id] ??= await lookUpImage(adapters, clock, target.to, stop.immediate);
  const plan = await planFrom(context, options, facts, target, runId);
  return { plan, facts };
}

/** The plan for given facts; also used to build a plan again in the middle of a run. */
export async function planFrom(
  context: CommandContext,
  options: RollbackOptions,
  facts: Facts,
  { to, from, skipped }: Target,
  runId: string,
): Promise<Plan> {
  const { configuration, adapters, clock } = context;
  const { good, retention, platform } = configuration;
  const baseline = baselineOf(to, good.minRequests);
  const findings = [
    ...checkRegistry(facts, to),
    ...(await checkMigrations(facts, to)),
    ...checkConfiguration(facts, to),
    ...backupFindings(options, facts),
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
      backup: takesBackup(options, facts),
      accepted: options.accept,
    },
    failing: judgeFailing(facts, from.id, baseline, good),
    keepWarmMs: platform.keepWarm * 1000,
    prove: takesBackup(options, facts) ? [backupStep(context, runId)] : [],
    confirm: confirmSteps(context, to.id, baseline),
    concurrency: CONCURRENCY,
  };
  const draft = buildPlan({ ...input, findings }, adapters.platform);
  const timeout = checkTimeout(draft.estimateMs, options.timeoutS);
  return { ...draft, findings: waive([...findings, timeout], options) };
}

/** Steps at once; more would only compete for the same machine. */
const CONCURRENCY = 16;

function takesBackup(options: RollbackOptions, facts: Facts): boolean {
  return options.backup && facts.database !== undefined && !options.accept.includes('backup');
}

function backupFindings(options: RollbackOptions, facts: Facts): Finding[] {
  if (facts.database === undefined) return [];
  if (takesBackup(options, facts)) return writersWait(facts.database);
  const how = options.backup ? `--accept backup: ${options.reason ?? 'no reason given'}` : '--no-backup';
  const title = `Database backup: not taken (${how})`;
  return [
    { check: 'backup', status: 'skipped', title, evidence: [], blocking: false, fix: [], headline: true },
  ];
}

/** A reader makes writers wait in some engines and modes; people must know for how long before it is taken. */
function writersWait(database: NonNullable<Facts['database']>): Finding[] {
  if (!database.known || database.value.backupBlocksWritersMs === 0) return [];
  const { name, backupBlocksWritersMs } = database.value;
  const title = `Writers to ${name} may wait up to ${(backupBlocksWritersMs / 1000).toFixed(1)} s while the backup is taken`;
  const fix = [
    'Switch the database to WAL mode: PRAGMA journal_mode = WAL',
    'Go without a backup: --no-backup',
  ];
  const evidence = ['It is not in WAL mode, so a reader keeps writers out.'];
  return [{ check: 'backup', status: 'warn', title, evidence, blocking: false, fix, headline: false }];
}

function backupStep({ configuration }: CommandContext, runId: string): PlannedStep {
  return {
    id: 'back-up-database',
    kind: 'back-up-database',
    phase: 'prove',
    input: { runId },
    after: [],
    safePoint: true,
    timeoutMs: configuration.backup.timeout * 1000,
  };
}

function confirmSteps(
  { configuration }: CommandContext,
  release: string,
  baseline: ReturnType<typeof baselineOf>,
): PlannedStep[] {
  const { validation } = configuration;
  const common = { phase: 'confirm' as const, after: [], safePoint: true };
  const traffic = {
    release,
    baseline: baseline ?? null,
    rules: {
      minRequests: validation.minRequests,
      errorRateMargin: validation.errorRateMargin,
      latencyMargin: validation.latencyMargin,
      latencyFloorMs: validation.latencyFloor,
    },
    minMs: validation.minSeconds * 1000,
    maxMs: validation.maxSeconds * 1000,
  };
  return [
    {
      ...common,
      id: 'validate-health',
      kind: 'validate-health',
      input: { passes: 3, withinMs: 10_000 },
      timeoutMs: 30_000,
      estimateMs: 600,
    },
    {
      ...common,
      id: 'validate-traffic',
      kind: 'validate-traffic',
      input: traffic,
      timeoutMs: traffic.maxMs + 30_000,
      estimateMs: traffic.minMs,
    },
  ];
}

function waive(findings: Finding[], { accept, reason }: RollbackOptions): Finding[] {
  return findings.map((finding) =>
    finding.blocking && accept.includes(finding.check)
      ? { ...finding, waived: { reason: reason ?? 'no reason given' } }
      : finding,
  );
}
