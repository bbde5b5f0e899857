import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { openInFlightSlots } from './in-flight-slots.ts';
import { processStart } from './process-identity.ts';
import { PROXY_SOCKET, type ProxyState, type Routes } from './proxy-api.ts';
import { openBackends } from './proxy-backends.ts';
import { controlServer } from './proxy-control.ts';
import { diskWrites } from './proxy-disk.ts';
import { readAddress, readRoutes } from './proxy-routes.ts';
import { type DataPath, dataServer } from './proxy-server.ts';
import { watchSupervisor } from './proxy-watch.ts';
import { socketPath } from './socket-path.ts';
import { openTrafficRecorder } from './traffic-recorder.ts';

const FLUSH_MS = 1_000;

/** A proxy that serves. */
export interface RunningProxy {
  host: string;
  port: number;
  /** Stops listening, lets what is in flight end for up to `graceMs`, then cuts it off. Asked twice, it ends once. */
  stop(graceMs: number): Promise<void>;
  /** Resolves when it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/**
 * Serves the traffic of the service in `dir`; see proxy-api.ts for its files and its control socket.
 * @param log takes one line
 * @throws RollbackError `PROXY_CONFIGURATION`, or the system's error where it can't listen (EADDRINUSE)
 */
export async function startProxy(dir: string, log: (line: string) => void): Promise<RunningProxy> {
  const startedAt = new Date().toISOString();
  const identity = processStart(process.pid) ?? '';
  const address = readAddress(dir);
  const routes = readRoutes(dir);
  let noBackend = 0;
  const disk = diskWrites(log);
  const path: Partial<DataPath> = { monotonic: () => performance.now(), onNoBackend: () => noBackend++ };
  const server = dataServer(path as DataPath);
  // Who has the port is the one proxy of this folder: only from here on may the counts on disk be taken over. No
  // connection is accepted before this turn of the event loop ends.
  // Upgraded connections are among them, which server.closeAllConnections() does not know.
  const connections = new Set<Socket>();
  server.on('connection', (connection) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  server.listen(address.port, address.host);
  await once(server, 'listening');
  const traffic = openTrafficRecorder(dir, disk, Date.now);
  const slots = openInFlightSlots(dir, disk, Date.now());
  const backends = openBackends(slots, () => performance.now());
  Object.assign(path, { backends, traffic });
  const { port } = server.address() as AddressInfo;

  function apply(next: Routes): string | undefined {
    // A boundary in the log: what passed under the old routes is told apart from what passes under the new.
    traffic.flush();
    const refused = backends.apply(next);
    log(refused ? `routes ${next.version} refused: ${refused}` : `routes ${next.version} in force`);
    return refused;
  }

  const state = (): ProxyState => ({
    pid: process.pid,
    processStart: identity,
    startedAt,
    host: address.host,
    port,
    version: backends.version(),
    backends: backends.state(),
    noBackend,
    lost: slots.lost,
    diskProblem: disk.problem(),
  });

  apply(routes);
  const flushing = setInterval(() => traffic.flush(), FLUSH_MS);
  const unwatch = watchSupervisor(dir, log);
  let stopping: Promise<void> | undefined;
  let haveStopped: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    haveStopped = resolve;
  });
  const control = await controlServer(socketPath(dir, PROXY_SOCKET), {
    putRoutes: apply,
    state,
    traffic: traffic.traffic,
    totals: traffic.totals,
    shutdown: (graceMs) => void stop(graceMs),
  });

  function stop(graceMs: number): Promise<void> {
    stopping ??= end(graceMs).then(haveStopped);
    return stopping;
  }

  async function end(graceMs: number): Promise<void> {
    log(`stopping, ${backends.inFlight()} in flight`);
    unwatch();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const cut = setTimeout(() => {
      log(`cutting off ${backends.inFlight()} in flight`);
      slots.close();
      for (const connection of connections) connection.destroy();
    }, graceMs);
    await closed;
    clearTimeout(cut);
    clearInterval(flushing);
    traffic.close();
    slots.close();
    control.close();
    rmSync(socketPath(dir, PROXY_SOCKET), { force: true });
    log('stopped');
  }

  const { lost } = slots;
  log(`listening on ${address.host}:${port}, lost so far ${lost.requests} in ${lost.restarts} restarts`);
  return { host: address.host, port, stop, stopped };
}
