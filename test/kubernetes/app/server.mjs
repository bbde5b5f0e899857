/**
 * The application that the cluster tests deploy. Everything is set by environment variables:
 * PORT (8080) · VERSION · POD_NAME · WORK_MS (30, of one request; `?ms=` for a single one) ·
 * GRACE=1 (on SIGTERM each connection ends with its next answer; without it the process ends at once) ·
 * BROKEN: `crash` (ends at once, with words on stderr), `unready` (never healthy), `errors:0.3` (share of 500s) ·
 * WRITER_LOCK (address of the lock that knows of writers; a second live one is told to it) ·
 * CONFIG_FILE and PASSWORD (what `/config` shows) · GAUGE=1 (a gauge of requests at work on `/metrics`).
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
import { createMetrics } from './metrics.mjs';
import { keepWriting } from './writer.mjs';

const {
  PORT = '8080',
  VERSION = 'unknown',
  POD_NAME = 'unknown',
  WORK_MS = '30',
  GRACE,
  BROKEN = '',
} = process.env;
const { CONFIG_FILE = '/etc/app/config.json', PASSWORD, WRITER_LOCK } = process.env;

if (BROKEN === 'crash') {
  console.error('reading the settings');
  console.error('Error: table "sessions" does not exist');
  process.exit(1);
}

const errorRatio = BROKEN.startsWith('errors:') ? Number(BROKEN.slice('errors:'.length)) : 0;
const metrics = createMetrics(process.env.GAUGE === '1');
let leaving = false;
/** How long connections may be silent after they were to end, ms. */
const SILENT_MS = 10_000;

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  response.setHeader('x-version', VERSION);
  response.setHeader('x-pod', POD_NAME);
  if (leaving) response.setHeader('connection', 'close');
  if (url.pathname === '/healthz')
    return answer(response, BROKEN === 'unready' ? 503 : 200, { version: VERSION });
  if (url.pathname === '/metrics') return response.end(metrics.text());
  if (url.pathname === '/config') return answer(response, 200, await configuration());
  if (url.pathname === '/drain') {
    leave();
    return answer(response, 200, { connections: await openConnections() });
  }
  metrics.begin(response);
  const since = performance.now();
  setTimeout(
    () => {
      // Asked again: a drain may have begun while this request was at work.
      if (leaving) response.setHeader('connection', 'close');
      const status = Math.random() < errorRatio ? 500 : 200;
      metrics.count(status, (performance.now() - since) / 1000);
      answer(response, status, { version: VERSION, pod: POD_NAME });
    },
    Number(url.searchParams.get('ms') ?? WORK_MS),
  );
});
// Otherwise idle connections would be cut by the server itself, and a test could not tell that from a rollback.
server.keepAliveTimeout = 120_000;

const sockets = new WebSocketServer({ server, path: '/ws' });
sockets.on('connection', (socket) => {
  socket.send(JSON.stringify({ version: VERSION, pod: POD_NAME }));
  socket.on('message', (data) => socket.send(String(data)));
  if (leaving) socket.close(1001, 'going away');
});

process.on('SIGTERM', async () => {
  if (GRACE !== '1') process.exit(0);
  leave();
  // An idle connection may have a request on its way, which closing it would reset (RFC 9112, 9.6): each ends with an
  // answer that says so. One that asks for nothing more in this time is cut.
  const until = Date.now() + SILENT_MS;
  while ((await openConnections()) > 0 && Date.now() < until) await new Promise((go) => setTimeout(go, 50));
  process.exit(0);
});

server.listen(Number(PORT), () => console.log(`${VERSION} is listening on port ${PORT}`));
if (WRITER_LOCK) keepWriting(WRITER_LOCK, POD_NAME);

/** @returns {Promise<number>} */
function openConnections() {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );
}

/** Tells connections to end: keep-alive ones with their next answer, WebSockets by a close frame. */
function leave() {
  leaving = true;
  for (const socket of sockets.clients) socket.close(1001, 'going away');
}

/** @param {import('node:http').ServerResponse} response @param {number} status @param {unknown} body */
function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** What this pod runs with. */
async function configuration() {
  const file = await readFile(CONFIG_FILE, 'utf8').catch(() => null);
  return { version: VERSION, pod: POD_NAME, file, password: PASSWORD ?? null };
}
