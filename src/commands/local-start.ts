import { setTimeout as wait } from 'node:timers/promises';
import { ensureSupervisor } from '../adapters/platform/local/ensure-supervisor.ts';
import { supervisorClient } from '../adapters/platform/local/supervisor-client.ts';
import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { localService } from './local-service.ts';

/** What `local start` tells. */
export interface LocalStart {
  target: string;
  /** False where it ran already. */
  started: boolean;
  /** Process id of the supervisor. */
  supervisor: number;
  /** Where the service is reached. */
  url: string;
  /** Instances in rotation that are ready; those that served when it was stopped are started again. */
  serving: number;
}

/**
 * Starts the supervisor and the proxy of the service, and again what served when they were stopped. Where they run
 * already, they are told the configuration.
 * @throws RollbackError `PORT_IN_USE`, `ADDRESS_INVALID` (exit 2), `ADDRESS_IN_USE`, `SUPERVISOR_FAILED`
 */
export async function localStart(context: CommandContext): Promise<CommandOutcome> {
  const { serviceName, stop } = context;
  const { dir, file } = localService(context);
  const { started, state } = await ensureSupervisor(dir, file, stop.immediate);
  const client = supervisorClient(dir);
  const until = performance.now() + file.startTimeoutMs;
  let { instances } = state;
  while (instances.some((one) => one.inRotation && one.state !== 'ready') && performance.now() < until) {
    await wait(100, undefined, { signal: stop.immediate });
    instances = (await client.state(stop.immediate)).instances;
  }
  const { host, port } = state.proxy ?? file;
  const json: LocalStart = {
    target: `local/${serviceName}`,
    started,
    supervisor: state.pid,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    serving: instances.filter((one) => one.inRotation && one.state === 'ready').length,
  };
  const next = state.current ? 'rollback-deploy-auto status' : 'rollback-deploy-auto local deploy TAG';
  return { exit: EXIT.done, json, next };
}
