import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { listenPrivately } from './control-socket.ts';
import type { ProxyRefusal, ProxyState, ReleaseTotals, ReleaseTraffic, Routes } from './proxy-api.ts';
import { parseRoutes } from './proxy-routes.ts';

const BODY_LIMIT = 1_000_000;

/** What the control socket can ask for; see `ProxyClient`. */
export interface ProxyControl {
  /** @returns why they are refused */
  putRoutes(routes: Routes): string | undefined;
  state(): ProxyState;
  traffic(release: string, sinceMs: number, untilMs: number): ReleaseTraffic;
  totals(): Record<string, ReleaseTotals>;
  shutdown(graceMs: number): void;
}

/** Listens on a unix socket, mode 0600. Only for the one proxy of the folder: a socket left there is taken away. */
export async function controlServer(path: string, control: ProxyControl): Promise<Server> {
  const server = createServer((req, res) => {
    answer(req, control).then(
      ([status, body]) => send(res, status, body),
      (error: unknown) => send(res, 500, refusal(error instanceof Error ? error.message : String(error))),
    );
  });
  await listenPrivately(server, path);
  return server;
}

async function answer(req: IncomingMessage, control: ProxyControl): Promise<[number, unknown]> {
  const url = new URL(req.url ?? '/', 'http://proxy');
  switch (`${req.method} ${url.pathname}`) {
    case 'PUT /routes':
      return putRoutes(await readBody(req), control);
    case 'GET /state':
      return [200, control.state()];
    case 'GET /totals':
      return [200, control.totals()];
    case 'GET /traffic': {
      const release = url.searchParams.get('release');
      const since = numberOf(url, 'since');
      const until = numberOf(url, 'until');
      if (!release || since === undefined || until === undefined) {
        return [400, refusal('It takes release, since and until (ms since the epoch)')];
      }
      return [200, control.traffic(release, since, until)];
    }
    case 'POST /shutdown': {
      const grace = numberOf(url, 'grace');
      if (grace === undefined || grace < 0) return [400, refusal('It takes grace (ms)')];
      control.shutdown(grace);
      return [202, {}];
    }
    default:
      return [404, refusal(`There is no ${req.method} ${url.pathname}`)];
  }
}

function putRoutes(body: string, control: ProxyControl): [number, unknown] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return [400, refusal('The routes are not JSON')];
  }
  const routes = parseRoutes(value);
  if (typeof routes === 'string') return [400, refusal(routes)];
  const stale = control.putRoutes(routes);
  if (stale) return [409, { code: 'ROUTES_STALE', message: stale } satisfies ProxyRefusal];
  return [200, { version: routes.version }];
}

function refusal(message: string): ProxyRefusal {
  return { code: 'PROXY_REFUSED', message };
}

function numberOf(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  const value = Number(text);
  return text === null || text === '' || !Number.isFinite(value) ? undefined : value;
}

async function readBody(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error('The body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(res: ServerResponse, status: number, body: unknown): void {
  res
    .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
    .end(JSON.stringify(body));
}
