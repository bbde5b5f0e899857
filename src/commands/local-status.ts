import type { SupervisorState } from '../adapters/platform/local/supervisor-api.ts';
import { supervisorClient } from '../adapters/platform/local/supervisor-client.ts';
import type { ServiceStatus } from '../model/views.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { localService } from './local-service.ts';
import { status } from './status.ts';

/** What `local status` tells: `status`, and what only this platform has. */
export interface LocalStatus extends ServiceStatus {
  supervisor: { pid: number };
  /** Where it listens, and what was lost in proxies that died. */
  proxy: SupervisorState['proxy'];
  /** By instance id. */
  processes: Record<string, { pid: number | undefined; port: number; restarts: number; lastProbe?: string }>;
  /** Sentences; empty where all is well. */
  problems: string[];
  /** Folder of the logs. */
  logs: string;
}

/** What the supervisor runs. @throws RollbackError `PLATFORM_UNREACHABLE` (exit 2) where it does not run */
export async function localStatus(context: CommandContext): Promise<CommandOutcome> {
  const outcome = await status(context);
  const { dir } = localService(context);
  const seen = await supervisorClient(dir).state(context.stop.immediate);
  const json: LocalStatus = {
    ...(outcome.json as ServiceStatus),
    supervisor: { pid: seen.pid },
    proxy: seen.proxy,
    processes: Object.fromEntries(
      seen.instances.map(({ id, pid, port, restarts, lastProbe }) => [
        id,
        { pid, port, restarts, lastProbe },
      ]),
    ),
    problems: seen.problems,
    logs: `${dir}/logs`,
  };
  return { ...outcome, json };
}
