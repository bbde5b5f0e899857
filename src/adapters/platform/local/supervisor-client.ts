import { RollbackError } from '../../../model/error.ts';
import { callSocket } from './control-socket.ts';
import type { ServiceFile } from './service-file.ts';
import { socketPath } from './socket-path.ts';
import type {
  CurrentRequest,
  ForgetReleaseRequest,
  InstanceRequest,
  InstanceView,
  KeepWarmRequest,
  MonitorRequest,
  ReleaseRequest,
  StartRequest,
  StopRequest,
  SupervisorFacts,
  SupervisorRefusal,
  SupervisorState,
  SwitchRequest,
} from './supervisor-api.ts';
import { SUPERVISOR_SOCKET } from './supervisor-api.ts';

/**
 * Speaks to the supervisor of one service. Every method throws RollbackError `SUPERVISOR_UNREACHABLE` (retriable)
 * where nothing answers or the answer breaks off, and the supervisor's own refusal where it refuses.
 */
export interface SupervisorClient {
  state(signal?: AbortSignal): Promise<SupervisorState>;
  facts(signal?: AbortSignal): Promise<SupervisorFacts>;
  /** Resolves once the instance is healthy. Asked again, it goes on waiting for the same one. */
  start(body: StartRequest, signal?: AbortSignal): Promise<InstanceView>;
  /** Resolves once the proxy has acknowledged it, as `drain` and `switchTo` do. */
  admit(body: InstanceRequest, signal?: AbortSignal): Promise<InstanceView>;
  drain(body: InstanceRequest, signal?: AbortSignal): Promise<InstanceView>;
  /** Resolves once its process has ended. */
  stop(body: StopRequest, signal?: AbortSignal): Promise<void>;
  switchTo(body: SwitchRequest, signal?: AbortSignal): Promise<void>;
  keepWarm(body: KeepWarmRequest, signal?: AbortSignal): Promise<void>;
  setCurrent(body: CurrentRequest, signal?: AbortSignal): Promise<void>;
  register(body: ReleaseRequest, signal?: AbortSignal): Promise<void>;
  forget(body: ForgetReleaseRequest, signal?: AbortSignal): Promise<void>;
  /** Keeps `monitor RUN` running until it ends by itself. */
  monitor(body: MonitorRequest, signal?: AbortSignal): Promise<void>;
  /** @throws RollbackError `ADDRESS_IN_USE` where host or port would change while the proxy listens */
  configure(body: ServiceFile, signal?: AbortSignal): Promise<void>;
  /** Resolves when it has begun; the process ends once everything else has. */
  shutdown(signal?: AbortSignal): Promise<void>;
}

/** @param dir the service's folder, the supervisor's `--dir` */
export function supervisorClient(dir: string): SupervisorClient {
  const get = <T>(path: string, signal?: AbortSignal) => call<T>(dir, 'GET', path, undefined, signal);
  const post =
    <B, T = void>(path: string) =>
    (body: B, signal?: AbortSignal) =>
      call<T>(dir, 'POST', path, body, signal);
  return {
    state: (signal) => get('/state', signal),
    facts: (signal) => get('/facts', signal),
    start: post('/instances/start'),
    admit: post('/instances/admit'),
    drain: post('/instances/drain'),
    stop: post('/instances/stop'),
    switchTo: post('/switch'),
    keepWarm: post('/instances/keep-warm'),
    setCurrent: post('/current'),
    register: post('/releases'),
    forget: post('/releases/forget'),
    monitor: post('/monitor'),
    configure: post('/service'),
    shutdown: (signal) => call(dir, 'POST', '/shutdown', {}, signal),
  };
}

async function call<T>(
  dir: string,
  method: string,
  url: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<T> {
  const path = socketPath(dir, SUPERVISOR_SOCKET);
  const { ok, answer } = await callSocket({ path, method, url, body, signal }).catch((cause: unknown) => {
    throw signal?.aborted ? cause : supervisorUnreachable(cause);
  });
  if (!ok) throw new RollbackError(answer as SupervisorRefusal);
  return answer as T;
}

function supervisorUnreachable(cause: unknown): RollbackError {
  const reason = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  return new RollbackError({
    code: 'SUPERVISOR_UNREACHABLE',
    summary: 'The local supervisor does not answer',
    detail: `Its socket said ${reason}. The proxy starts a supervisor that died again.`,
    retriable: true,
    cause,
  });
}
