/**
 * A small shop: GET /products, POST /orders, GET /orders/:id, WebSocket /live, GET /healthz. Orders live in SQLite.
 * What differs between its releases stands in release.json beside it, among it the fault that v2.14.4 shipped: one
 * answer in twenty is a 500 (marked with `x-injected-fault`, so that a count can tell it from anything else), and
 * every answer is late.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { openDatabase } from './database.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const release = JSON.parse(await readFile(join(here, 'release.json'), 'utf8'));
const { PORT, HOST = '127.0.0.1', DATABASE_PATH } = process.env;
if (!PORT || !DATABASE_PATH) {
  console.error('The shop needs PORT and DATABASE_PATH in its environment.');
  process.exit(2);
}

const database = await openDatabase(DATABASE_PATH, join(here, 'db/migrations'));
const listProducts = database.prepare(
  `SELECT id, name, ${release.priceColumn} AS price FROM products ORDER BY id`,
);
const findOrder = database.prepare('SELECT * FROM orders WHERE id = ?');
const addOrder = release.orderNotes
  ? database.prepare('INSERT INTO orders (product_id, quantity, created_at, note) VALUES (?, ?, ?, ?)')
  : database.prepare('INSERT INTO orders (product_id, quantity, created_at) VALUES (?, ?, ?)');
let asked = 0;
let stopping = false;

const server = createServer(async (request, response) => {
  response.setHeader('x-version', release.version);
  if (stopping) response.setHeader('connection', 'close');
  if (request.url === '/healthz') return reply(response, 200, { status: 'ok', version: release.version });
  try {
    const body = request.method === 'POST' ? JSON.parse(await text(request)) : undefined;
    if (release.faults.delayMs > 0)
      await new Promise((resolve) => setTimeout(resolve, release.faults.delayMs));
    asked++;
    if (Math.floor(asked * release.faults.errorRate) > Math.floor((asked - 1) * release.faults.errorRate)) {
      response.setHeader('x-injected-fault', '1');
      return reply(response, 500, { error: 'price service returned nothing' });
    }
    const [status, document] = answer(`${request.method} ${request.url}`, body);
    reply(response, status, document);
  } catch (error) {
    reply(response, error instanceof SyntaxError ? 400 : 500, { error: String(error) });
  }
});

/** @param {string} asked @param {{product: number, quantity: number, note?: string} | undefined} body @returns {[number, unknown]} */
function answer(asked, body) {
  if (asked === 'GET /products') return [200, listProducts.all()];
  if (asked === 'POST /orders' && body) {
    const values = [body.product, body.quantity, new Date().toISOString()];
    const { lastInsertRowid } = addOrder.run(release.orderNotes ? [...values, body.note ?? null] : values);
    return [201, { id: lastInsertRowid }];
  }
  const id = /^GET \/orders\/(\d+)$/.exec(asked)?.[1];
  const order = id ? findOrder.get(Number(id)) : undefined;
  return order ? [200, order] : [404, { error: 'not found' }];
}

const live = new WebSocketServer({ server, path: '/live' });
live.on('connection', (socket) => {
  socket.send(JSON.stringify({ version: release.version }));
  socket.on('message', (message) => socket.send(message.toString()));
});

// A closed port sends no more requests here, those in flight are answered, then the process has nothing left to do.
process.once('SIGTERM', () => {
  stopping = true;
  for (const socket of live.clients) socket.close(1001, 'going away');
  live.close();
  server.close(() => {
    database.close();
    process.exit(0);
  });
});

server.listen(Number(PORT), HOST, () => console.log(`shop ${release.version} on ${HOST}:${PORT}`));

/** @param {import('node:http').ServerResponse} response @param {number} status @param {unknown} document */
function reply(response, status, document) {
  const body = JSON.stringify(document);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body, () => stopping && server.closeIdleConnections());
}

/** @param {import('node:http').IncomingMessage} request */
async function text(request) {
  let all = '';
  for await (const chunk of request) all += chunk;
  return all;
}
