import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { openEvidence } from './evidence.ts';
import { createInstances } from './instances.ts';
import { keepMonitors } from './kept-monitors.ts';
import { openPlatformState } from './platform-state.ts';
import { processStart } from './process-identity.ts';
import { proxyClient, type SupervisorProcess } from './proxy-api.ts';
import { releaseFiles } from './release-files.ts';
import { createRotation } from './rotation.ts';
import { openRouting } from './routing.ts';
import { readServiceFile } from './service-file.ts';
import type { Site } from './site.ts';
import { socketPath } from './socket-path.ts';
import { SUPERVISOR_SOCKET } from './supervisor-api.ts';
import { supervisorCalls } from './supervisor-calls.ts';
import { lockSupervisor } from './supervisor-lock.ts';
import { supervisorServer } from './supervisor-server.ts';
import { supervisorView } from './supervisor-view.ts';
import { unpackFrom } from './unpack-from.ts';
import { watchProxy } from './watched-proxy.ts';

/** A supervisor that runs. */
export interface RunningSupervisor {
  /** Ends the proxy once it has answered what is in flight, then the instances, then itself. */
  stop(): void;
  /** Resolves when everything has ended. */
  readonly stopped: Promise<void>;
}

/**
 * Supervises the service in `dir`: takes over what runs there, starts what should run and does not, and answers on
 * its socket. What serves is not touched by that.
 * @param args the arguments of this process, with which the proxy starts it again
 * @param log takes one line
 * @returns undefined where another supervisor runs there already
 */
export async function startSupervisor(
  dir: string,
  args: string[],
  log: (line: string) => void,
): Promise<RunningSupervisor | undefined> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await chmod(dir, 0o700);
  const other = await lockSupervisor(dir);
  if (other) {
    log(`the supervisor of ${dir} runs already, as process ${other.pid}`);
    return undefined;
  }
  const start = processStart(process.pid) as string;
  const self: SupervisorProcess = {
    pid: process.pid,
    processStart: start,
    argv: [process.execPath, ...args],
  };
  await writeFileAtomic(join(dir, 'supervisor.json'), `${JSON.stringify(self)}\n`, { mode: 0o600 });

  const service = await readServiceFile(dir);
  const state = await openPlatformState(dir);
  const proxy = proxyClient(dir);
  const evidence = await openEvidence(dir, state, proxy, log);
  const routing = await openRouting(dir, state, proxy);
  const site: Site = {
    dir,
    service,
    state,
    releases: releaseFiles(dir),
    routing,
    proxy,
    evidence,
    unpack: (digest, into, signal) => unpackFrom(site.service.images, digest, into, signal),
    log,
  };
  const watched = watchProxy(dir, proxy, log, () => {
    routing.sync().catch((error: Error) => log(`routes not acknowledged: ${error.message}`));
  });
  const instances = createInstances(site);
  const rotation = createRotation(site, instances);
  const monitors = keepMonitors(site);
  const view = supervisorView(site, instances, watched);

  let haveStopped: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    haveStopped = resolve;
  });
  let stopping = false;
  const shutdown = () => {
    if (stopping) return;
    stopping = true;
    end()
      .catch((error: Error) => log(`not everything ended as it should: ${error.message}`))
      .finally(haveStopped);
  };

  await instances.adopt();
  const path = socketPath(dir, SUPERVISOR_SOCKET);
  const calls = supervisorCalls({ site, instances, rotation, monitors, view, shutdown });
  const server = await supervisorServer(path, calls, log);
  monitors.adopt();
  log(`supervises ${service.service}`);

  async function end(): Promise<void> {
    log('ending');
    // Without it the proxy does not start a supervisor again.
    await rm(join(dir, 'supervisor.json'), { force: true });
    server.close();
    rotation.close();
    await monitors.endAll();
    await evidence.flush();
    await watched.stop(site.service.drainTimeoutMs);
    await instances.endAll();
    evidence.close();
    await rm(path, { force: true });
    log('ended');
  }

  return { stop: shutdown, stopped };
}
