import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';

/** What a request meets instead of the API server's answer, or before it. */
export type FrontFault =
  /** `carriedOut`: the API server did what was asked, and its answer is replaced. */
  | { answer: number; carriedOut?: boolean }
  | { cut: true; carriedOut?: boolean }
  | { slowMs: number }
  /** A watch that is told, after a while, that it is too old. */
  | { expireAfterMs: number };

export interface Asked {
  method: string;
  path: string;
  isWatch: boolean;
  /** Of the `Authorization` header. */
  token: string | undefined;
}

/**
 * The API server of KUBECONFIG with faults in front of it, for a client of its own. It is NOT the API server that is at
 * fault: a restart of that would meet everyone who uses the cluster.
 */
export interface FaultFront {
  /** Path of a kubeconfig that leads here; give it as `env: { KUBECONFIG }`. */
  kubeconfig: string;
  /** Asked for every request; undefined lets it pass. */
  fault: (asked: Asked) => FrontFault | undefined;
  /** Faults that were met. */
  met: number;
  /** Nobody listens for that long, and every connection is cut. */
  awayFor(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** @param user of the kubeconfig, e.g. with an exec plugin; the API server sees that of KUBECONFIG */
export async function faultFront(namespace: string, user: object = {}): Promise<FaultFront> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const upstream = new URL(config.getCurrentCluster()?.server ?? '');
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error) => response.destroy(error));
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const folder = await mkdtemp(join(tmpdir(), 'rda-front-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(port, namespace, user));

  const front: FaultFront = {
    kubeconfig,
    fault: () => undefined,
    met: 0,
    async awayFor(ms) {
      server.close();
      server.closeAllConnections();
      front.met++;
      await wait(ms);
      await listen(port);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const fault = front.fault(askedBy(incoming));
    if (fault) front.met++;
    if (fault && 'slowMs' in fault) await wait(fault.slowMs);
    if (fault && ('answer' in fault || 'cut' in fault)) {
      if (fault.carriedOut) await buffer(await forward(incoming, body));
      if ('answer' in fault) return refuse(response, fault.answer);
      return void response.destroy();
    }
    const real = await forward(incoming, body);
    response.writeHead(real.statusCode ?? 502, real.headers);
    response.once('close', () => real.destroy());
    real.pipe(response, { end: false });
    real.once('end', () => response.end());
    if (fault && 'expireAfterMs' in fault) {
      await wait(fault.expireAfterMs);
      real.unpipe(response);
      response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(410) })}\n`);
    }
  }

  async function forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const login: RequestOptions = {};
    await config.applyToHTTPSOptions(login);
    const { host, connection, upgrade, authorization, ...passed } = headers;
    const asked = request(new URL(url ?? '', upstream), {
      ...login,
      method,
      headers: { ...passed, ...login.headers },
    });
    asked.end(body);
    const [real] = (await once(asked, 'response')) as [IncomingMessage];
    return real;
  }

  return front;
}

function askedBy({ method = '', url = '', headers }: IncomingMessage): Asked {
  return {
    method,
    path: url,
    isWatch: /[?&]watch=(1|true)/.test(url),
    token: headers.authorization?.replace(/^Bearer /, ''),
  };
}

function refuse(response: ServerResponse, status: number): void {
  const headers = { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '1' } : {}) };
  response.writeHead(status, headers).end(JSON.stringify(statusOf(status)));
}

function statusOf(code: number): object {
  const reasons: Record<number, string> = {
    401: 'Unauthorized',
    409: 'Conflict',
    410: 'Expired',
    429: 'TooManyRequests',
    500: 'InternalError',
  };
  return { kind: 'Status', apiVersion: 'v1', code, reason: reasons[code], message: `made up: ${code}` };
}

function kubeconfigFor(port: number, namespace: string, user: object): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'front',
    clusters: [
      { name: 'front', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'front', user }],
    contexts: [{ name: 'front', context: { cluster: 'front', user: 'front', namespace } }],
  });
}
