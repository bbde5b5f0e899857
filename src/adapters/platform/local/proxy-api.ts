import { RollbackError } from '../../../model/error.ts';
import type { TrafficWindow } from '../../../model/facts.ts';
import type { LatencyHistogram } from '../../../model/release.ts';
import { callSocket } from './control-socket.ts';
import { socketPath } from './socket-path.ts';

/** Name of the proxy's control socket in the service's folder; see `socketPath`. Mode 0600. */
export const PROXY_SOCKET = 'proxy.sock';

/** Set on every response that the proxy made itself; its value is a `ProxyMade`. Never set on an instance's response. */
export const PROXY_HEADER = 'x-rollback-proxy';

/**
 * `no-backend`: 503, none in rotation. `bad-gateway`: 502, an instance refused, or broke off before it answered.
 * `upgrade-declined`: 501, a request with a chunked body that offers another protocol than WebSocket.
 */
export type ProxyMade = 'no-backend' | 'bad-gateway' | 'upgrade-declined';

/** `<DIR>/proxy.json`: where the proxy listens for the service's traffic. Written by the supervisor. */
export interface ProxyAddress {
  host: string;
  /** 0 lets the system choose; `ProxyState.port` tells. */
  port: number;
}

/** One instance that traffic may be sent to, on 127.0.0.1. */
export interface Backend {
  /** Instance id, e.g. `shop-r3-2`. */
  id: string;
  /** Release id, e.g. `r3`, of at most 100 bytes. An instance never changes it. */
  release: string;
  /** May change when the instance is started again. */
  port: number;
  /** Whether new requests may be sent to it. */
  inRotation: boolean;
  /** Whether it passes its probe. Where none in rotation is ready, requests go to those in rotation all the same. */
  ready: boolean;
}

/**
 * `<DIR>/routes.json`, and what `PUT /routes` takes. The supervisor writes the file atomically before it pushes, so
 * that a proxy started again serves at once.
 */
export interface Routes {
  /** Grows by each change. */
  version: number;
  backends: Backend[];
}

/** `<DIR>/supervisor.json`: who to watch, and how to start it again. Written by the supervisor. */
export interface SupervisorProcess {
  pid: number;
  /** As `processStart` in process-identity.ts gives it, so that a reused pid is not taken for it. */
  processStart: string;
  /** Program and arguments, e.g. `[process.execPath, script, '--dir', dir]`. Never a secret. */
  argv: string[];
}

/** Counts of one backend since this proxy process started. */
export interface BackendState {
  id: string;
  release: string;
  inRotation: boolean;
  /** Requests and upgraded connections that it is answering now. Zero while out of rotation: drained. */
  inFlight: number;
  /** Those of `inFlight` that are upgraded connections (WebSockets). */
  upgraded: number;
  /** Requests sent to it, tries that another backend then answered included. */
  total: number;
  /** Of those: 5xx, refused, or broken off by it. */
  errors: number;
}

/** What died with earlier proxy processes: requests and upgraded connections that were in flight in them. */
export interface LostRequests {
  /** Times that a proxy ended without having finished what was in flight. */
  restarts: number;
  /** All of them together. What clients could not even hand over while no proxy listened is not known here. */
  requests: number;
  /** The latest one; `at` is when the proxy started after it, ISO 8601. */
  last?: { at: string; requests: number };
}

/** Answer of `GET /state`. */
export interface ProxyState {
  pid: number;
  processStart: string;
  /** ISO 8601. */
  startedAt: string;
  /** Where it really listens. */
  host: string;
  port: number;
  /** Version of the routes in force. */
  version: number;
  /** Those of the routes, and those taken out of them that still answer something. */
  backends: BackendState[];
  /** Requests that this process answered with 503, because nothing was in rotation. */
  noBackend: number;
  lost: LostRequests;
  /** Why counts could not be written to disk the last time they could not; undefined where they all were. */
  diskProblem?: string;
}

/**
 * Answer of `GET /traffic`. Its resolution is that of the log, one second; each change of routes and each question is a
 * boundary too, so that a window from one of these moments on is exact. See `ReleaseTotals` for what counts.
 */
export interface ReleaseTraffic extends TrafficWindow {
  latency: LatencyHistogram;
}

/**
 * What was counted of one release since the service exists. A request counts once, for the release that answered it
 * (or failed last), when its response ends. One that the client broke off is a request, no error, and has no latency;
 * neither have errors (5xx and those that could not be handed over), upgraded connections and event streams.
 */
export interface ReleaseTotals {
  requests: number;
  errors: number;
  latency: LatencyHistogram;
}

/** Speaks to the proxy of one service over its control socket. */
export interface ProxyClient {
  /**
   * Puts routes in force; they hold once this resolves. Requests that a backend already has end there.
   * The same version with the same content is fine.
   * @returns the version in force
   * @throws RollbackError `ROUTES_STALE` where the proxy has a newer version, or another content under this one
   */
  putRoutes(routes: Routes, signal?: AbortSignal): Promise<number>;
  state(signal?: AbortSignal): Promise<ProxyState>;
  /** Traffic of one release in `(sinceMs, untilMs]`, ms since the epoch. */
  traffic(release: string, sinceMs: number, untilMs: number, signal?: AbortSignal): Promise<ReleaseTraffic>;
  /** By release id. */
  totals(signal?: AbortSignal): Promise<Record<string, ReleaseTotals>>;
  /**
   * Stops listening, finishes what is in flight for up to `graceMs` (default 10 000), then the process ends with 0.
   * Resolves when it has begun. A proxy that was shut down does not start a supervisor again.
   */
  shutdown(graceMs?: number, signal?: AbortSignal): Promise<void>;
}

/**
 * @param dir the service's folder, the proxy's `--dir`
 * Every method throws RollbackError `PROXY_UNREACHABLE` (retriable) where nothing answers on the socket, and
 * `PROXY_REFUSED` where the proxy refuses what was asked.
 */
export function proxyClient(dir: string): ProxyClient {
  const call = <T>(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal | undefined,
  ): Promise<T> => callProxy<T>(socketPath(dir, PROXY_SOCKET), method, path, body, signal);
  return {
    putRoutes: async (routes, signal) =>
      (await call<{ version: number }>('PUT', '/routes', routes, signal)).version,
    state: (signal) => call('GET', '/state', undefined, signal),
    traffic: (release, sinceMs, untilMs, signal) => {
      const query = new URLSearchParams({ release, since: String(sinceMs), until: String(untilMs) });
      return call('GET', `/traffic?${query}`, undefined, signal);
    },
    totals: (signal) => call('GET', '/totals', undefined, signal),
    shutdown: async (graceMs = 10_000, signal) => {
      await call('POST', `/shutdown?grace=${graceMs}`, undefined, signal);
    },
  };
}

/** What the control socket answers with where it refuses. */
export interface ProxyRefusal {
  code: 'ROUTES_STALE' | 'PROXY_REFUSED';
  message: string;
}

async function callProxy<T>(
  path: string,
  method: string,
  url: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { ok, answer } = await callSocket({ path, method, url, body, signal }).catch((cause: unknown) => {
    if (signal?.aborted) throw cause;
    throw new RollbackError({
      code: 'PROXY_UNREACHABLE',
      summary: 'The proxy does not answer',
      detail: `Nothing answered ${method} ${url.split('?')[0]} on ${path} (${reasonOf(cause)}).`,
      retriable: true,
      cause,
    });
  });
  if (!ok) throw refused(answer as ProxyRefusal);
  return answer as T;
}

function refused(refusal: ProxyRefusal): RollbackError {
  return new RollbackError({
    code: refusal.code,
    summary: 'The proxy refuses what was asked of it',
    detail: `${refusal.message}.`,
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
