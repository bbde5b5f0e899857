import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './process-identity.ts';
import type { SupervisorProcess } from './proxy-api.ts';

const LOOK_MS = 500;
const FIRST_WAIT_MS = 3_000;
const LONGEST_WAIT_MS = 30_000;

/**
 * Starts the supervisor again, detached, whenever its process is gone. After each start it waits 3 s for a new one
 * to write itself into `<DIR>/supervisor.json`, and longer each time none does, up to 30 s; it never gives up.
 * @param log takes one line
 * @returns ends the watch
 */
export function watchSupervisor(dir: string, log: (line: string) => void): () => void {
  let waitMs = FIRST_WAIT_MS;
  let notBefore = Number.NEGATIVE_INFINITY;
  let unreadable = '';
  let seen: number | undefined;

  function look(): void {
    const supervisor = read();
    if (!supervisor) return;
    // One that came far enough to write itself down is not one that can't be started, however soon it died.
    if (supervisor.pid !== seen) waitMs = FIRST_WAIT_MS;
    seen = supervisor.pid;
    if (isAlive(supervisor.pid, supervisor.processStart)) return;
    if (performance.now() < notBefore) return;
    notBefore = performance.now() + waitMs;
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    start(dir, supervisor, log);
  }

  function read(): SupervisorProcess | undefined {
    try {
      const supervisor = JSON.parse(readFileSync(join(dir, 'supervisor.json'), 'utf8')) as SupervisorProcess;
      if (!Array.isArray(supervisor.argv)) throw new Error('it has no argv');
      unreadable = '';
      return supervisor;
    } catch (error) {
      // A proxy may be started before there is a supervisor; what else is wrong is told once.
      const why = error instanceof Error ? error.message : String(error);
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && why !== unreadable) {
        unreadable = why;
        log(`cannot read supervisor.json: ${why}`);
      }
      return undefined;
    }
  }

  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

function start(dir: string, supervisor: SupervisorProcess, log: (line: string) => void): void {
  const [program, ...args] = supervisor.argv;
  if (program === undefined) {
    log('supervisor is gone, and supervisor.json does not say how to start it');
    return;
  }
  try {
    mkdirSync(join(dir, 'logs'), { recursive: true, mode: 0o700 });
    const output = openSync(join(dir, 'logs', 'supervisor.log'), 'a', 0o600);
    const child = spawn(program, args, { detached: true, stdio: ['ignore', output, output] });
    closeSync(output);
    child.on('error', (error) => log(`cannot start the supervisor: ${error.message}`));
    child.on('spawn', () => log(`supervisor ${supervisor.pid} is gone, started ${child.pid}`));
    child.unref();
  } catch (error) {
    log(`cannot start the supervisor: ${error instanceof Error ? error.message : String(error)}`);
  }
}
