import { processStart } from '../../process-identity.ts';

export { processStart };

/** Whether the process `pid` that started at `start` (as `processStart` gives it) still runs. A zombie does not. */
export function isAlive(pid: number, start: string): boolean {
  return processStart(pid) === start;
}
