import { setTimeout as wait } from 'node:timers/promises';
import { EXIT, RollbackError } from '../../../model/error.ts';
import type { Instance, PlatformFacts } from '../../../model/facts.ts';
import type { Platform } from '../platform.ts';
import { expandMove } from './expand.ts';
import { preflightFindings } from './preflight.ts';
import { isAlive } from './process-identity.ts';
import { proxyClient } from './proxy-api.ts';
import type { LocalConfiguration } from './service-file.ts';
import { serviceFolder } from './service-folder.ts';
import { acknowledged } from './steps/acknowledged.ts';
import { admitInstance } from './steps/admit-instance.ts';
import { drainInstance } from './steps/drain-instance.ts';
import { keepWarm } from './steps/keep-warm.ts';
import { setCurrentRelease } from './steps/set-current-release.ts';
import { startInstance } from './steps/start-instance.ts';
import { stopInstance } from './steps/stop-instance.ts';
import { switchTraffic } from './steps/switch-traffic.ts';
import type { InstanceView, SupervisorFacts } from './supervisor-api.ts';
import { type SupervisorClient, supervisorClient } from './supervisor-client.ts';
import { tryAgain } from './try-again.ts';

/** How long facts wait for a supervisor that the proxy starts again, ms. */
const RETURN_MS = 8_000;

export interface LocalPlatformOptions {
  /** Name of the service, e.g. `shop`. */
  service: string;
  configuration: LocalConfiguration;
  /** The state folder, absolute. */
  stateDir: string;
  /** Of the configuration file, absolute. Needed to watch a run. */
  configPath: string;
}

/** Instances as processes of this machine, behind a proxy, kept by a supervisor that outlives its clients. */
export function localPlatform(options: LocalPlatformOptions): Platform {
  const { service, configuration, stateDir, configPath } = options;
  const dir = serviceFolder(stateDir, service);
  const client = supervisorClient(dir);
  return {
    kind: 'local',
    noun: NOUN,
    facts: (signal) => readFacts(dir, service, client, signal),
    preflight: async (facts, _wanted, signal) => {
      const state = await tryAgain(signal, () => client.state(signal));
      return { findings: preflightFindings(facts, configuration, state) };
    },
    expand: (move, facts) => expandMove(move, facts, configuration),
    steps: () => ({
      'start-instance': startInstance(client),
      'admit-instance': admitInstance(client),
      'drain-instance': drainInstance(client),
      'stop-instance': stopInstance(client),
      'switch-traffic': switchTraffic(client),
      'keep-warm': keepWarm(client),
      'set-current-release': setCurrentRelease(client),
    }),
    startMonitor: (runId, signal) => client.monitor({ runId, configPath }, signal),
  };
}

const NOUN = { one: 'instance', many: 'instances' };

async function readFacts(
  dir: string,
  service: string,
  client: SupervisorClient,
  signal: AbortSignal,
): Promise<PlatformFacts> {
  const until = performance.now() + RETURN_MS;
  for (;;) {
    try {
      return platformFacts(await client.facts(signal));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RollbackError) || !error.retriable) throw error;
      if (error.code === 'SUPERVISOR_UNREACHABLE' && !(await proxyRuns(dir, signal))) {
        throw notRunning(service, error);
      }
      if (performance.now() > until) throw unreachable(service, error);
      await wait(100, undefined, { signal });
    }
  }
}

/** Then it starts the supervisor again. */
async function proxyRuns(dir: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { pid, processStart } = await proxyClient(dir).state(signal);
    return isAlive(pid, processStart);
  } catch (error) {
    if (error instanceof RollbackError) return false;
    throw error;
  }
}

function platformFacts({ state, releases }: SupervisorFacts): PlatformFacts {
  const { service, current, canary, desired, instances } = acknowledged(state);
  return {
    service,
    platform: 'local',
    target: `local/${service}`,
    noun: NOUN,
    current,
    canary,
    releases,
    instances: instances.filter((one) => one.state !== 'stopping').map(instanceFacts),
    desired,
    surge: true,
  };
}

function instanceFacts({
  id,
  slot,
  release,
  state,
  inRotation,
  inFlight,
  warmUntilMs,
}: InstanceView): Instance {
  return {
    id,
    slot,
    release,
    state: state === 'stopping' ? 'drained' : state,
    inRotation,
    inFlight,
    warmUntil: warmUntilMs === undefined ? undefined : new Date(warmUntilMs).toISOString(),
  };
}

function notRunning(service: string, cause: RollbackError): RollbackError {
  return new RollbackError({
    code: 'PLATFORM_UNREACHABLE',
    summary: `The local supervisor of ${service} is not running`,
    detail: 'Neither it nor its proxy answers, so nothing is served.',
    fix: 'Start it: rollback-deploy-auto local start',
    exit: EXIT.usage,
    cause,
  });
}

function unreachable(service: string, cause: RollbackError): RollbackError {
  return new RollbackError({
    code: 'PLATFORM_UNREACHABLE',
    summary: `What runs of ${service} cannot be read`,
    detail: [`${cause.summary}.`, cause.detail].filter(Boolean).join(' '),
    fix: 'Look at what runs: rollback-deploy-auto local status',
    retriable: true,
    cause,
  });
}
