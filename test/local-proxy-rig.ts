import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Backend, type ProxyState, proxyClient } from '../src/adapters/platform/local/proxy-api.ts';

/** An instance as the proxy sees one: answers with its id, and does what the path says. */
export interface App {
  backend: Backend;
  server: Server;
  /** Requests for `/slow` that wait. */
  readonly waiting: number;
  /** Answers all that wait. */
  letGo(): void;
  /** Requests for `/slow` whose connection closed before they were answered. */
  readonly aborted: number;
  readonly seen: IncomingMessage[];
  close(): Promise<void>;
}

export async function startApp(id: string, release: string): Promise<App> {
  const waiting = new Set<() => void>();
  const seen: IncomingMessage[] = [];
  const sockets = new Set<WebSocket>();
  let aborted = 0;
  const server = createServer((req, res) => {
    seen.push(req);
    const path = req.url?.split('?')[0];
    if (path === '/fail') res.writeHead(500).end('broken');
    else if (path === '/reset') req.socket.destroy();
    else if (path === '/echo') req.pipe(res.writeHead(200));
    else if (path === '/half') {
      res.writeHead(200, { 'content-length': '100' });
      res.write('half', () => req.socket.destroy());
    } else if (path === '/events') {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      waiting.add(() => res.end('data: done\n\n'));
    } else if (path === '/slow') {
      const go = () => res.end(id);
      waiting.add(go);
      res.once('close', () => {
        if (waiting.delete(go)) aborted++;
      });
    } else res.end(id);
  });
  const ws = new WebSocketServer({ server });
  ws.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('message', (data) => socket.send(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    backend: { id, release, port, inRotation: true, ready: true },
    server,
    seen,
    get waiting() {
      return waiting.size;
    },
    get aborted() {
      return aborted;
    },
    letGo() {
      for (const go of waiting) {
        waiting.delete(go);
        go();
      }
    },
    async close() {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A service's folder with an address and routes in it. */
export async function serviceFolder(backends: Backend[], port = 0): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'proxy-'));
  await writeFile(join(dir, 'proxy.json'), JSON.stringify({ host: '127.0.0.1', port }));
  await writeFile(join(dir, 'routes.json'), JSON.stringify({ version: 1, backends }));
  return dir;
}

export async function removeFolder(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
}

export interface Answer {
  status: number;
  body: string;
  headers: IncomingMessage['headers'];
}

export interface Ask {
  method?: string;
  body?: Buffer | string;
  headers?: Record<string, string>;
  agent?: Agent;
}

/** One request, over a connection of its own unless told otherwise. */
export function ask(port: number, path: string, options: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', body, headers = {}, agent } = options;
    const sent = request(
      { host: '127.0.0.1', port, path, method, headers, agent: agent ?? false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('latin1');
          resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Waits until the proxy's state is as wanted; the test's own timeout is the limit. */
export async function untilState(dir: string, wanted: (state: ProxyState) => boolean): Promise<ProxyState> {
  return until(
    () => proxyClient(dir).state(),
    (state) => wanted(state),
  );
}

/** Asks again until the answer is as wanted; the test's own timeout is the limit. */
export async function until<T>(read: () => T | Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
