import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { createProxyServer, type ProxyServer } from 'httpxy';
import { PROXY_HEADER, type ProxyMade } from './proxy-api.ts';
import type { Backends } from './proxy-backends.ts';
import { beginExchange, type Exchange } from './proxy-exchange.ts';
import { cleanRequest, hasBody, mayBeRepeated, nextBytes } from './proxy-request.ts';
import { ConnectedAgent, connectTo } from './proxy-upstream.ts';
import type { TrafficRecorder } from './traffic-recorder.ts';

/** Tries that reached a backend, per request; refused connections are not among them. */
const TRIES = 3;

/** What the data path needs. */
export interface DataPath {
  backends: Backends;
  traffic: TrafficRecorder;
  /** ms that never go back */
  monotonic: () => number;
  /** Told of each request that had no backend in rotation. */
  onNoBackend: () => void;
}

/**
 * Serves the service's traffic, not yet listening. A request given to a backend ends there, whatever the routes become.
 * What could not be connected is sent to another backend; so is what was broken off before any byte of an answer, where
 * repeating it is safe (GET, HEAD, OPTIONS, DELETE without a body). No connection to a backend is used twice: one that
 * the backend is just closing would lose the request.
 */
export function dataServer(path: DataPath): Server {
  const exchanges = new WeakMap<IncomingMessage, Exchange>();
  const proxy = createProxyServer();
  const server = createServer({
    // Long uploads and streams are the application's business.
    requestTimeout: 0,
    headersTimeout: 60_000,
    keepAliveTimeout: 65_000,
  });

  watchAnswers(proxy, exchanges, server);

  function begin(req: IncomingMessage): Exchange {
    cleanRequest(req);
    const exchange = beginExchange(req, path.backends, path.traffic, path.monotonic);
    exchanges.set(req, exchange);
    return exchange;
  }

  function serve(req: IncomingMessage, res: ServerResponse, body?: Readable): void {
    const exchange = begin(req);
    const { socket } = req;
    // A pipelined request has no response on the wire yet: only its connection tells that the client has gone.
    const gone = () => exchange.end(false);
    socket.once('close', gone);
    res.once('close', () => {
      socket.off('close', gone);
      exchange.end(res.writableFinished);
      if (!server.listening) server.closeIdleConnections();
    });
    void forward(
      exchange,
      mayBeRepeated(req),
      (agent, target) =>
        proxy.web(req, res, { target, agent, headers: { connection: 'close' }, buffer: body }),
      (status, made) => {
        exchange.status = status;
        // What is left of the body must not stay before the connection's next request.
        req.unpipe();
        req.resume();
        res.writeHead(status, { [PROXY_HEADER]: made, 'content-type': 'text/plain' }).end(`${made}\n`);
      },
    );
  }

  function upgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    if (req.headers.upgrade?.toLowerCase() !== 'websocket' || req.method !== 'GET') {
      serveWithoutUpgrade(req, socket, head);
      return;
    }
    const exchange = begin(req);
    exchange.untimed = true;
    // Errors of the client's socket are followed by its close, which ends the exchange.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => exchange.end(exchange.status !== 0));
    void forward(
      exchange,
      false,
      (agent, target) => proxy.ws(req, socket, { target, agent }, head),
      (status, made) => {
        exchange.status = status;
        socket.end(rawAnswer(status, made));
      },
    );
  }

  /** An offer of another protocol (h2c, say) may be declined by answering in HTTP/1.1 (RFC 9110, 7.8). */
  function serveWithoutUpgrade(req: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (req.headers['transfer-encoding'] !== undefined) {
      socket.end(rawAnswer(501, 'upgrade-declined'));
      return;
    }
    const body = hasBody(req) ? nextBytes(socket, head, Number(req.headers['content-length'])) : undefined;
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    // Node.js takes its own listener away with the parser.
    socket.on('drain', () => res.emit('drain'));
    res.once('finish', () => socket.end());
    req.headers.connection = 'close';
    delete req.headers.upgrade;
    delete req.headers['http2-settings'];
    serve(req, res, body);
  }

  async function forward(
    exchange: Exchange,
    repeatable: boolean,
    send: (agent: ConnectedAgent, target: { host: string; port: number }) => Promise<void>,
    answer: (status: number, made: ProxyMade) => void,
  ): Promise<void> {
    const badGateway = () => {
      exchange.broken = true;
      answer(502, 'bad-gateway');
    };
    for (let reached = 0; reached < TRIES; ) {
      const entry = path.backends.choose(exchange.tried);
      if (!entry) break;
      exchange.begin(entry);
      const upstream = await connectTo(entry.backend.port);
      if (exchange.over) {
        if (!(upstream instanceof Error)) upstream.destroy();
        return;
      }
      if (upstream instanceof Error) {
        path.backends.shun(entry);
        exchange.giveUp();
        continue;
      }
      reached++;
      exchange.connected(upstream);
      const target = { host: '127.0.0.1', port: entry.backend.port };
      exchange.target = target;
      const again = await new Promise<boolean>((resolve) => {
        exchange.settle = (error) => {
          exchange.settle = () => undefined;
          const repeat = repeatable && upstream.bytesRead === 0 && reached < TRIES;
          // At once: httpxy ends a client's socket right after it told of the error.
          if (error && !exchange.over && !repeat) badGateway();
          resolve(error !== undefined && !exchange.over && repeat);
        };
        // It rejects only for errors of the client's side, whose close ends the exchange.
        send(new ConnectedAgent(upstream), target).catch(() => undefined);
      });
      if (!again) return;
      path.backends.shun(entry);
      exchange.giveUp();
    }
    if (exchange.tried.size > 0) return badGateway();
    path.onNoBackend();
    answer(503, 'no-backend');
  }

  server.on('request', (req, res) => serve(req, res));
  server.on('upgrade', (req, socket, head) => upgrade(req, socket as Socket, head));
  return server;
}

/** Takes note of what backends answer, and makes their failures known to the exchange. */
function watchAnswers(
  proxy: ProxyServer,
  exchanges: WeakMap<IncomingMessage, Exchange>,
  server: Server,
): void {
  // Once the backend has begun to answer, only the answer itself tells whether it came whole.
  proxy.on('error', (error, req, _res, target) => {
    const exchange = req && exchanges.get(req);
    if (!exchange || exchange.answered || (target && target !== exchange.target)) return;
    exchange.settle(error);
  });
  proxy.on('proxyRes', (answer, req, res) => {
    const exchange = exchanges.get(req);
    if (!exchange) return;
    exchange.answered = true;
    exchange.status = answer.statusCode ?? 0;
    exchange.untimed = /^text\/event-stream/i.test(answer.headers['content-type'] ?? '');
    // These are about the connection to the backend (RFC 9110, 7.6.1), which closes; the client's stays open.
    delete answer.headers.connection;
    if (!server.listening) answer.headers.connection = 'close';
    delete answer.headers['keep-alive'];
    // A stream that has nothing to say yet has begun all the same.
    setImmediate(() => {
      if (!res.headersSent && !res.destroyed) res.flushHeaders();
    });
    const broken = () => {
      if (!answer.complete && !res.destroyed) exchange.broken = true;
    };
    answer.once('error', broken);
    answer.once('close', broken);
  });
  proxy.on('proxyReqWs', (sent, req, socket) => {
    const exchange = exchanges.get(req);
    sent.once('response', (answer) => {
      if (!exchange) return;
      exchange.answered = true;
      exchange.status = answer.statusCode ?? 0;
    });
    sent.once('upgrade', (_answer, upstream) => {
      if (!exchange) return;
      exchange.answered = true;
      exchange.status = 101;
      exchange.upgrade();
      // A client that does not answer the backend's close must not keep the backend from being drained.
      upstream.once('close', () => socket.destroySoon());
    });
  });
}

function rawAnswer(status: number, made: ProxyMade): string {
  const reason = { 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable' }[status] ?? '';
  const body = `${made}\n`;
  return (
    `HTTP/1.1 ${status} ${reason}\r\n${PROXY_HEADER}: ${made}\r\ncontent-type: text/plain\r\n` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`
  );
}
