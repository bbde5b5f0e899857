import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';

/** A write of a run's journal: what its first entry is, e.g. `started drain-pods`. */
export interface JournalWrite {
  n: number;
  kind: string;
}

/** The API server of KUBECONFIG for one client, whose journal writes are counted. */
export interface KillProxy {
  /** Path of a kubeconfig that leads here; give it as `env: { KUBECONFIG }`. */
  kubeconfig: string;
  writes: JournalWrite[];
  close(): Promise<void>;
}

export interface KillAt {
  /** Number of the write, from 1, or what its first entry is. */
  write: number | string;
  /** `before`: the API server never sees that write. `after`: it has carried it out, and the client never hears so. */
  when: 'before' | 'after';
  /** Ends the client; resolves once it is gone. */
  kill(): Promise<void>;
}

const RUN_PATH = /^\/api\/v1\/namespaces\/[^/]+\/configmaps(\/rollback-deploy-auto-run-[^/?]+)?(\?|$)/;

/** @param at without it all writes pass and are only counted */
export async function killProxy(namespace: string, at?: KillAt): Promise<KillProxy> {
  const config = new KubeConfig();
  config.loadFromDefault();
  const upstream = new URL(config.getCurrentCluster()?.server ?? '');
  const writes: JournalWrite[] = [];
  let dead = false;
  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'rda-proxy-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor((server.address() as AddressInfo).port, namespace));

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming);
    const kind = journalKind(incoming, body);
    if (kind !== undefined && !dead) {
      writes.push({ n: writes.length + 1, kind });
      if (at && (at.write === writes.length || at.write === kind)) {
        dead = true;
        if (at.when === 'after') await buffer(await forward(incoming, body));
        await at.kill();
      }
    }
    // What a client asked for before it died and what has not been sent on yet died with it.
    if (dead) return void response.destroy();
    const real = await forward(incoming, body);
    response.writeHead(real.statusCode ?? 502, real.headers);
    response.once('close', () => real.destroy());
    real.pipe(response);
  }

  async function forward({ method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const login: RequestOptions = {};
    await config.applyToHTTPSOptions(login);
    const { host, connection, upgrade, ...passed } = headers;
    const asked = request(new URL(url ?? '', upstream), {
      ...login,
      method,
      headers: { ...passed, ...login.headers },
    });
    asked.end(body);
    const [real] = (await once(asked, 'response')) as [IncomingMessage];
    return real;
  }

  return {
    kubeconfig,
    writes,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true });
    },
  };
}

/** undefined where the request does not write a journal. */
function journalKind({ method, url }: IncomingMessage, body: Buffer): string | undefined {
  const path = RUN_PATH.exec(url ?? '');
  if (!path) return undefined;
  if (method === 'POST') {
    const made = JSON.parse(String(body)) as { metadata: { labels?: Record<string, string> } };
    return made.metadata.labels?.['rollback-deploy-auto/kind'] === 'run' ? 'created' : undefined;
  }
  if (method !== 'PATCH' || path[1] === undefined) return undefined;
  const operations = JSON.parse(String(body)) as { op: string; path: string; value?: unknown }[];
  const row = operations.find(({ op, path }) => op === 'add' && path.startsWith('/data/'));
  if (typeof row?.value !== 'string') return 'header';
  const { entry } = JSON.parse(row.value) as { entry: { type: string; step?: string } };
  return [entry.type, entry.step?.split(':')[0]].filter(Boolean).join(' ');
}

function kubeconfigFor(port: number, namespace: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'proxy',
    clusters: [
      { name: 'proxy', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'proxy', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy', namespace } }],
  });
}
