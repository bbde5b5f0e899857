import { endSupervisor } from '../adapters/platform/local/end-supervisor.ts';
import { ensureSupervisor } from '../adapters/platform/local/ensure-supervisor.ts';
import { EXIT } from '../model/error.ts';
import type { CommandContext, CommandOutcome } from './context.ts';
import { localService } from './local-service.ts';

/** What `local stop` tells. */
export interface LocalStop {
  target: string;
  /** False where nothing ran. */
  stopped: boolean;
  /** Instances that were ended. */
  instances: number;
}

/**
 * Finishes what is in flight, then ends proxy, instances and supervisor; resolves once none of them runs. What served
 * is remembered, and serves again with the next `local start`.
 * @throws RollbackError `STILL_RUNNING`
 */
export async function localStop(context: CommandContext): Promise<CommandOutcome> {
  const { serviceName, stop } = context;
  const { dir, file } = localService(context);
  const startAgain = () => ensureSupervisor(dir, file, stop.immediate);
  const ran = await endSupervisor(dir, startAgain, stop.immediate);
  const json: LocalStop = {
    target: `local/${serviceName}`,
    stopped: ran !== undefined,
    instances: ran?.instances.length ?? 0,
  };
  return { exit: EXIT.done, json, next: 'rollback-deploy-auto local start' };
}
