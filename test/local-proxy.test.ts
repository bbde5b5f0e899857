import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Backend, proxyClient } from '../src/adapters/platform/local/proxy-api.ts';
import { type RunningProxy, startProxy } from '../src/adapters/platform/local/proxy-start.ts';
import {
  type App,
  ask,
  removeFolder,
  serviceFolder,
  startApp,
  until,
  untilState,
} from './local-proxy-rig.ts';

let apps: App[];
let dir: string;
let proxy: RunningProxy;
let version: number;

beforeEach(async () => {
  apps = [await startApp('shop-r1-1', 'r1'), await startApp('shop-r1-2', 'r1')];
  dir = await serviceFolder(apps.map((app) => app.backend));
  proxy = await startProxy(dir, () => undefined);
  version = 1;
});

afterEach(async () => {
  await proxy.stop(0);
  await Promise.all(apps.map((app) => app.close()));
  await removeFolder(dir);
});

function app(index: number): App {
  return apps[index] as App;
}

async function route(...backends: Backend[]): Promise<void> {
  await proxyClient(dir).putRoutes({ version: ++version, backends });
}

/** Once nothing is in flight any more: a client has its answer a moment before the proxy has counted it. */
async function totals() {
  await untilState(dir, (state) => state.backends.every((backend) => backend.inFlight === 0));
  return proxyClient(dir).totals();
}

function entryOf(state: Awaited<ReturnType<typeof untilState>>, id: string) {
  return state.backends.find((backend) => backend.id === id);
}

describe('routing', () => {
  it('shares requests between the backends in rotation', async () => {
    const bodies = [];
    for (let i = 0; i < 10; i++) bodies.push((await ask(proxy.port, '/')).body);
    expect(bodies.filter((body) => body === 'shop-r1-1')).toHaveLength(5);
    expect(bodies.filter((body) => body === 'shop-r1-2')).toHaveLength(5);
  });

  it('prefers the one with the least in flight', async () => {
    const slow = ask(proxy.port, '/slow');
    const busy = await until(
      () => apps.findIndex((one) => one.waiting > 0),
      (index) => index >= 0,
    );
    const idle = app(1 - busy).backend.id;
    for (let i = 0; i < 4; i++) expect((await ask(proxy.port, '/')).body).toBe(idle);
    app(busy).letGo();
    expect((await slow).status).toBe(200);
  });

  it('sends nothing to one out of rotation or not ready', async () => {
    await route({ ...app(0).backend, inRotation: false }, app(1).backend);
    for (let i = 0; i < 4; i++) expect((await ask(proxy.port, '/')).body).toBe('shop-r1-2');
    await route(app(0).backend, { ...app(1).backend, ready: false });
    for (let i = 0; i < 4; i++) expect((await ask(proxy.port, '/')).body).toBe('shop-r1-1');
  });

  it('sends to those in rotation all the same where none is ready', async () => {
    await route({ ...app(0).backend, ready: false }, { ...app(1).backend, inRotation: false });
    expect(await ask(proxy.port, '/')).toMatchObject({ status: 200, body: 'shop-r1-1' });
  });

  it('answers 503 with its own header where none is in rotation, and counts it apart', async () => {
    await route();
    const answer = await ask(proxy.port, '/');
    expect(answer.status).toBe(503);
    expect(answer.headers['x-rollback-proxy']).toBe('no-backend');
    expect((await proxyClient(dir).state()).noBackend).toBe(1);
    expect(await totals()).toEqual({});
  });

  it('refuses older routes, and others under the version in force', async () => {
    await route(app(0).backend);
    const client = proxyClient(dir);
    await expect(client.putRoutes({ version: 1, backends: [] })).rejects.toMatchObject({
      code: 'ROUTES_STALE',
    });
    await expect(client.putRoutes({ version: 2, backends: [] })).rejects.toMatchObject({
      code: 'ROUTES_STALE',
    });
    expect(await client.putRoutes({ version: 2, backends: [app(0).backend] })).toBe(2);
    expect((await client.state()).version).toBe(2);
    expect((await ask(proxy.port, '/')).body).toBe('shop-r1-1');
  });

  it('refuses routes that are none', async () => {
    const bad = { version: 9, backends: [{ ...app(0).backend, port: 70_000 }] };
    await expect(proxyClient(dir).putRoutes(bad)).rejects.toMatchObject({ code: 'PROXY_REFUSED' });
    expect((await proxyClient(dir).state()).version).toBe(1);
  });
});

describe('draining', () => {
  it('lets what a backend has end there, and shows zero then', async () => {
    await route(app(0).backend, { ...app(1).backend, inRotation: false });
    const slow = ask(proxy.port, '/slow');
    await untilState(dir, (state) => entryOf(state, 'shop-r1-1')?.inFlight === 1);
    await route({ ...app(0).backend, inRotation: false }, app(1).backend);
    expect((await ask(proxy.port, '/')).body).toBe('shop-r1-2');
    expect(entryOf(await proxyClient(dir).state(), 'shop-r1-1')).toMatchObject({
      inFlight: 1,
      inRotation: false,
    });
    app(0).letGo();
    expect(await slow).toMatchObject({ status: 200, body: 'shop-r1-1' });
    await untilState(dir, (state) => entryOf(state, 'shop-r1-1')?.inFlight === 0);
  });

  it('shows one that was taken out of the routes until it has answered', async () => {
    await route(app(0).backend);
    const slow = ask(proxy.port, '/slow');
    await untilState(dir, (state) => entryOf(state, 'shop-r1-1')?.inFlight === 1);
    await route(app(1).backend);
    expect(entryOf(await proxyClient(dir).state(), 'shop-r1-1')?.inFlight).toBe(1);
    app(0).letGo();
    expect((await slow).status).toBe(200);
    await untilState(dir, (state) => entryOf(state, 'shop-r1-1') === undefined);
  });

  it('loses no request while routes change under load', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const paths = ['/', '/echo', '/?q=1'];
    let running = true;
    const load = Promise.all(
      Array.from({ length: 8 }, async (_, worker) => {
        const statuses: number[] = [];
        for (let i = 0; i < 60 || running; i++) {
          const body = worker % 2 ? { method: 'POST', body: 'x'.repeat(1000) } : {};
          statuses.push((await ask(proxy.port, paths[i % 3] as string, { agent, ...body })).status);
        }
        return statuses;
      }),
    );
    for (let i = 0; i < 60; i++) {
      const only = i % 2;
      const next = apps.map((one, index) => ({ ...one.backend, inRotation: index === only }));
      await route(...(i % 3 ? next : next.filter((backend) => backend.inRotation)));
      const other = app(1 - only).backend.id;
      await untilState(dir, (state) => (entryOf(state, other)?.inFlight ?? 0) === 0);
    }
    running = false;
    const statuses = (await load).flat();
    agent.destroy();
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect((await totals()).r1).toMatchObject({ requests: statuses.length, errors: 0 });
  });

  it('finishes what is in flight when it is shut down, and takes no more', async () => {
    const slow = ask(proxy.port, '/slow', { agent: new Agent({ keepAlive: true }) });
    await until(
      () => app(0).waiting + app(1).waiting,
      (waiting) => waiting === 1,
    );
    await proxyClient(dir).shutdown(60_000);
    await expect(ask(proxy.port, '/')).rejects.toThrow('ECONNREFUSED');
    for (const one of apps) one.letGo();
    const answer = await slow;
    expect(answer.status).toBe(200);
    expect(answer.headers.connection).toBe('close');
    await proxy.stopped;
  });
});

describe('failing backends', () => {
  it('tries another where a connection is refused, even with a body', async () => {
    await app(0).close();
    for (let i = 0; i < 4; i++) {
      const answer = await ask(proxy.port, '/echo', { method: 'POST', body: `order ${i}` });
      expect(answer).toMatchObject({ status: 200, body: `order ${i}` });
    }
    const { r1 } = await totals();
    expect(r1).toMatchObject({ requests: 4, errors: 0 });
  });

  it('repeats a request that was broken off before any answer only where that is safe', async () => {
    app(0).server.removeAllListeners('request');
    app(0).server.on('request', (req) => req.socket.destroy());
    await route(app(0).backend, { ...app(1).backend, ready: false });
    expect(await ask(proxy.port, '/')).toMatchObject({ status: 200, body: 'shop-r1-2' });

    app(1).server.removeAllListeners('request');
    app(1).server.on('request', (req) => req.socket.destroy());
    const post = await ask(proxy.port, '/', { method: 'POST', body: 'pay' });
    expect(post.status).toBe(502);
    expect(post.headers['x-rollback-proxy']).toBe('bad-gateway');
    const get = await ask(proxy.port, '/');
    expect(get.status).toBe(502);
    expect(get.headers['x-rollback-proxy']).toBe('bad-gateway');
    expect((await totals()).r1).toMatchObject({ requests: 3, errors: 2 });
    expect(await proxyClient(dir).state()).toMatchObject({ backends: [{ inFlight: 0 }, { inFlight: 0 }] });
  });

  it('answers 502 where all refuse, and keeps the client connection usable', async () => {
    await Promise.all(apps.map((one) => one.close()));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const options = { agent, method: 'POST', body: 'x'.repeat(100_000) };
    expect((await ask(proxy.port, '/echo', options)).status).toBe(502);
    const again = await ask(proxy.port, '/echo', options);
    expect(again.status).toBe(502);
    expect(again.headers['x-rollback-proxy']).toBe('bad-gateway');
    agent.destroy();
    expect((await totals()).r1).toMatchObject({ requests: 2, errors: 2 });
  });

  it('counts an answer that broke off as an error, and passes the break on', async () => {
    await expect(ask(proxy.port, '/half')).rejects.toThrow('aborted');
    await until(
      () => totals(),
      (all) => all.r1?.errors === 1,
    );
  });
});

describe('clients', () => {
  it('streams large bodies both ways unchanged', async () => {
    const body = randomBytes(8 << 20);
    const answer = await ask(proxy.port, '/echo', { method: 'POST', body });
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    expect(hash(Buffer.from(answer.body, 'latin1'))).toBe(hash(body));
  });

  it('passes the head of a stream on before its first event, and leaves it out of latency', async () => {
    const sent = request({ host: '127.0.0.1', port: proxy.port, path: '/events', agent: false }).end();
    const [response] = await once(sent, 'response');
    expect(response.headers['content-type']).toBe('text/event-stream');
    for (const one of apps) one.letGo();
    for await (const chunk of response) expect(String(chunk)).toBe('data: done\n\n');
    const { r1 } = await until(
      () => totals(),
      (all) => all.r1 !== undefined,
    );
    expect(r1?.requests).toBe(1);
    expect(r1?.latency.counts.every((count) => count === 0)).toBe(true);
  });

  it('aborts the backend once a client has gone, and counts it once, as no error', async () => {
    const sent = request({ host: '127.0.0.1', port: proxy.port, path: '/slow', agent: false }).end();
    sent.on('error', () => undefined);
    await untilState(dir, (state) => state.backends.some((backend) => backend.inFlight === 1));
    sent.destroy();
    const state = await untilState(dir, (now) => now.backends.every((backend) => backend.inFlight === 0));
    expect(state.backends.map((backend) => backend.errors)).toEqual([0, 0]);
    await until(
      () => app(0).aborted + app(1).aborted,
      (aborted) => aborted === 1,
    );
    const { r1 } = await totals();
    expect(r1).toMatchObject({ requests: 1, errors: 0 });
    expect(r1?.latency.counts.every((count) => count === 0)).toBe(true);
  });

  it('counts pipelined requests of a client that has gone down to zero', async () => {
    const client = connect(proxy.port, '127.0.0.1');
    client.write('GET /slow HTTP/1.1\r\nhost: shop\r\n\r\n'.repeat(3));
    await untilState(dir, (state) => state.backends.reduce((sum, one) => sum + one.inFlight, 0) === 3);
    client.destroy();
    await untilState(dir, (state) => state.backends.every((backend) => backend.inFlight === 0));
    await until(
      () => app(0).aborted + app(1).aborted,
      (aborted) => aborted === 3,
    );
  });

  it('keeps their connections, and says who they are', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'x-forwarded-for': '10.1.2.3', host: 'shop.example' };
    const answer = await ask(proxy.port, '/', { agent, headers });
    expect(answer.headers.connection).toBe('keep-alive');
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('x-'))).toEqual([]);
    agent.destroy();
    const seen = [...app(0).seen, ...app(1).seen][0];
    expect(seen?.headers).toMatchObject({
      host: 'shop.example',
      connection: 'close',
      'x-forwarded-for': '10.1.2.3, 127.0.0.1',
      'x-forwarded-host': 'shop.example',
      'x-forwarded-proto': 'http',
    });
  });

  it('serves those that offer HTTP/2 in HTTP/1.1', async () => {
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    expect(await ask(proxy.port, '/', { headers })).toMatchObject({ status: 200 });
    const body = 'x'.repeat(300_000);
    const posted = { headers: { ...headers, 'content-length': String(body.length) }, method: 'POST', body };
    expect(await ask(proxy.port, '/echo', posted)).toMatchObject({ status: 200, body });
    const chunked = { headers: { ...headers, 'transfer-encoding': 'chunked' }, method: 'POST', body: 'x' };
    const declined = await ask(proxy.port, '/echo', chunked);
    expect([declined.status, declined.headers['x-rollback-proxy']]).toEqual([501, 'upgrade-declined']);
    await untilState(dir, (state) => state.backends.every((backend) => backend.inFlight === 0));
  });
});

describe('WebSockets', () => {
  it('are passed through, counted as upgraded, and drain by their close', async () => {
    await route(app(0).backend);
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/live`);
    await once(socket, 'open');
    socket.send('hello');
    const [message] = await once(socket, 'message');
    expect(String(message)).toBe('hello');
    const state = await proxyClient(dir).state();
    expect(entryOf(state, 'shop-r1-1')).toMatchObject({ inFlight: 1, upgraded: 1, total: 1, errors: 0 });
    socket.close();
    await untilState(dir, (now) => entryOf(now, 'shop-r1-1')?.inFlight === 0);
    expect(entryOf(await proxyClient(dir).state(), 'shop-r1-1')?.upgraded).toBe(0);
    const { r1 } = await totals();
    expect(r1).toMatchObject({ requests: 1, errors: 0 });
    expect(r1?.latency.counts.every((count) => count === 0)).toBe(true);
  });

  it('end when the backend does', async () => {
    await route(app(0).backend);
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/live`);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await app(0).close();
    await closed;
    await untilState(dir, (state) => entryOf(state, 'shop-r1-1')?.inFlight === 0);
  });

  it('get 502 and 503 with the header too', async () => {
    app(0).server.removeAllListeners('upgrade');
    app(0).server.on('upgrade', (_req, socket) => socket.destroy());
    await route(app(0).backend);
    const refused = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
    const [, answer] = await once(refused, 'unexpected-response');
    expect([answer.statusCode, answer.headers['x-rollback-proxy']]).toEqual([502, 'bad-gateway']);
    await route();
    const none = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
    const [, second] = await once(none, 'unexpected-response');
    expect([second.statusCode, second.headers['x-rollback-proxy']]).toEqual([503, 'no-backend']);
    await untilState(dir, (state) => state.backends.every((backend) => backend.inFlight === 0));
    expect((await totals()).r1).toMatchObject({ requests: 1, errors: 1 });
  });
});

describe('control socket', () => {
  it('is for its owner only', () => {
    expect(statSync(join(dir, 'proxy.sock')).mode & 0o777).toBe(0o600);
  });

  it('says that nothing answers where there is no proxy', async () => {
    await proxy.stop(0);
    await expect(proxyClient(dir).state()).rejects.toMatchObject({
      code: 'PROXY_UNREACHABLE',
      retriable: true,
    });
  });
});
