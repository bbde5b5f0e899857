import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { httpCluster } from '../../src/kubernetes/http-cluster.ts';

/** One answer that is not the API server's own. */
export interface Fault {
  /** HTTP status; `cut`: the connection ends without an answer. */
  answer: number | 'cut';
  /** Default `before`: the API server never sees the request. `after`: it has carried it out. */
  when?: 'before' | 'after';
}

/** The API server of `KUBECONFIG`, with faults in between. */
export interface FaultProxy {
  cluster: Cluster;
  /** What the next requests meet, in turn; undefined lets one pass. Requests that `matches` refuses are not counted. */
  faults: (Fault | undefined)[];
  /** Default: every request that writes. */
  matches(method: string, path: string): boolean;
  /** User as whom the API server sees the requests. Default: that of the kubeconfig. */
  as: string | undefined;
  /** Faults that were met. */
  met: number;
  close(): Promise<void>;
}

export async function faultProxy(): Promise<FaultProxy> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const upstream = new URL(config.getCurrentCluster()?.server ?? '');
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const proxy: FaultProxy = {
    cluster: httpCluster({
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      context: 'proxy',
      namespace: 'default',
      authorize: async () => ({}),
      executor: () => Promise.reject(new Error('not needed')),
    }),
    faults: [],
    matches: (method) => method !== 'GET',
    as: undefined,
    met: 0,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const fault = proxy.matches(incoming.method ?? '', incoming.url ?? '') ? proxy.faults.shift() : undefined;
    if (fault) proxy.met++;
    if (fault && fault.when !== 'after') return answer(fault, response);
    const real = await forward(incoming, body);
    if (fault) return answer(fault, response);
    response.writeHead(real.status, real.headers).end(real.body);
  }

  async function forward({ method, url, headers }: IncomingMessage, body: Buffer) {
    const login: RequestOptions = {};
    await config.applyToHTTPSOptions(login);
    const { host, connection, ...passed } = headers;
    const asked = request(new URL(url ?? '', upstream), {
      ...login,
      method,
      headers: { ...passed, ...login.headers, ...(proxy.as ? { 'impersonate-user': proxy.as } : {}) },
    });
    asked.end(body);
    const [real] = (await once(asked, 'response')) as [IncomingMessage];
    const { 'transfer-encoding': _, ...kept } = real.headers;
    return { status: real.statusCode ?? 0, headers: kept as OutgoingHttpHeaders, body: await buffer(real) };
  }

  return proxy;
}

function answer({ answer: status }: Fault, response: ServerResponse): void {
  if (status === 'cut') {
    response.destroy();
    return;
  }
  const reasons: Record<number, string> = { 409: 'Conflict', 429: 'TooManyRequests', 500: 'InternalError' };
  const headers = { 'content-type': 'application/json', ...(status === 429 ? { 'retry-after': '1' } : {}) };
  response.writeHead(status, headers).end(
    JSON.stringify({
      kind: 'Status',
      code: status,
      reason: reasons[status],
      message: `made up: ${status}`,
    }),
  );
}
