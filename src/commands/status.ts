import { trafficShare, versionOf } from '../engine/production.ts';
import { EXIT } from '../model/error.ts';
import { NO_END, type PlatformFacts } from '../model/facts.ts';
import type { RunRecord } from '../model/record.ts';
import { referenceTo } from '../model/release.ts';
import type { RunState } from '../model/run-state.ts';
import type { RunStatus, ServiceStatus, WarmStatus } from '../model/views.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { unfinishedRun } from './unfinished.ts';

/** What runs, who moves it, the traffic of each version, the last heartbeat, and how to take over. */
export async function status(context: CommandContext): Promise<CommandOutcome> {
  const { adapters, serviceName, stop } = context;
  const facts = await adapters.platform.facts(stop.immediate);
  const run = await unfinishedRun(adapters.store, serviceName);
  const current = facts.releases.find((release) => release.id === facts.current);
  const canary = facts.releases.find((release) => release.id === facts.canary);
  const view: ServiceStatus = {
    target: facts.target,
    noun: facts.noun,
    ...(current ? { current: referenceTo(current) } : {}),
    ...(canary ? { canary: referenceTo(canary) } : {}),
    instances: instancesOf(facts),
    ...(await warmIn(context, facts)),
    desired: facts.desired,
    traffic: trafficShare(facts),
    ...(run ? { run: await runStatus(context, run) } : {}),
    ...(await lastMonitor(context)),
  };
  return { exit: EXIT.done, json: view };
}

function instancesOf(facts: PlatformFacts): ServiceStatus['instances'] {
  return [...facts.instances]
    .sort((a, b) => partOrder(facts, a) - partOrder(facts, b) || a.slot - b.slot)
    .map(({ slot, part, release, state, inRotation, inFlight }) => {
      const version = versionOf(facts, release);
      return { slot, ...(part !== undefined && { part }), version, state, inRotation, inFlight };
    });
}

function partOrder({ parts = [] }: PlatformFacts, { part }: { part?: string }): number {
  return parts.findIndex(({ name }) => name === part);
}

async function warmIn(
  { adapters, clock, stop }: CommandContext,
  facts: PlatformFacts,
): Promise<Pick<ServiceStatus, 'warm'>> {
  const warm = new Map<string, WarmStatus>();
  for (const { release, warmUntil: until } of facts.instances) {
    if (until === undefined || until === NO_END) continue;
    const key = `${release} ${until}`;
    const { instances } = warm.get(key) ?? { instances: 0 };
    warm.set(key, { version: versionOf(facts, release), instances: instances + 1, until });
  }
  if (warm.size === 0) return {};
  const over = (await adapters.platform.endWarm?.({ fix: false }, stop.immediate)) ?? [];
  const end = over.length > 0 ? { end: 'rollback-deploy-auto doctor --fix' } : {};
  return {
    warm: [...warm.values()].map((one) => ({
      ...one,
      ...(Date.parse(one.until) <= clock.now() && end),
    })),
  };
}

async function runStatus({ adapters, serviceName }: CommandContext, run: RunState): Promise<RunStatus> {
  const lease = await adapters.store.lease(serviceName);
  const live = lease?.held ?? false;
  const { runId, startedAt, plan, steps } = run;
  const doing = plan.steps.filter((step) => steps.get(step.id)?.state === 'started').map((step) => step.id);
  return {
    runId,
    state: live ? 'running' : run.stopped ? 'stopped' : 'lost',
    startedBy: lease
      ? `${lease.holder.user} on ${lease.holder.host} (process ${lease.holder.pid})`
      : run.asked.request.by,
    startedAt,
    lastHeartbeat: lease?.renewedAt ?? run.lastAt,
    epoch: lease?.epoch ?? 0,
    ...(doing.length > 0 ? { step: doing.join(', ') } : {}),
    takeOver: live
      ? `rollback-deploy-auto abort ${runId} (asks its client to go back)`
      : `rollback-deploy-auto resume ${runId}, or rollback-deploy-auto abort ${runId}`,
  };
}

async function lastMonitor({
  adapters,
  serviceName,
}: CommandContext): Promise<Pick<ServiceStatus, 'monitor'>> {
  const names = (await adapters.store.names('records')).sort().reverse();
  for (const name of names) {
    const record = (await adapters.store.get<RunRecord>('records', name))?.value;
    if (record?.service !== serviceName) continue;
    return record.monitor ? { monitor: { runId: record.runId, result: record.monitor } } : {};
  }
  return {};
}
