/**
 * A small shop: GET /products, POST /orders, GET /orders/:id, WebSocket /live, GET /healthz. Orders live in SQLite or
 * PostgreSQL.
 * What differs between its releases stands in release.json beside it, among it the fault that v2.14.4 shipped: one
 * answer in twenty is a 500 (marked with `x-injected-fault`, so that a count can tell it from anything else), and
 * every answer is late.
 */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';

/**
 * @typedef {object} ShopDatabase
 * @property {(text: string) => Promise<(values: unknown[]) => Promise<unknown[]>>} prepare Takes a statement with `?` for its
 *   values, and returns what runs it and returns its rows. Fails where the schema does not fit it.
 * @property {() => Promise<void>} close
 */

const here = dirname(fileURLToPath(import.meta.url));
const release = JSON.parse(await readFile(join(here, 'release.json'), 'utf8'));
const { PORT, HOST = '127.0.0.1', DATABASE_PATH, DATABASE_URL } = process.env;
const place = DATABASE_URL ?? DATABASE_PATH;
if (!PORT || !place) {
  console.error(
    'The shop needs PORT in its environment, and DATABASE_PATH (SQLite) or DATABASE_URL (PostgreSQL).',
  );
  process.exit(2);
}

const { openDatabase } = await (DATABASE_URL ? import('./postgresql.mjs') : import('./sqlite.mjs'));
/** @type {ShopDatabase} */
const database = await openDatabase(place, join(here, 'db/migrations'));
const listProducts = await database.prepare(
  'SELECT id, name, price_cents AS price FROM products ORDER BY id',
);
const findOrder = await database.prepare('SELECT * FROM orders WHERE id = ?');
/** @type {string[]} */
const columns = release.orderColumns;
const addOrder = await database.prepare(
  `INSERT INTO orders (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) RETURNING id`,
);
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
    const [status, document] = await answer(`${request.method} ${request.url}`, body);
    reply(response, status, document);
  } catch (error) {
    reply(response, error instanceof SyntaxError ? 400 : 500, { error: String(error) });
  }
});

/** @param {string} asked @param {{product: number, quantity: number, note?: string} | undefined} body @returns {Promise<[number, unknown]>} */
async function answer(asked, body) {
  if (asked === 'GET /products') return [200, await listProducts([])];
  if (asked === 'POST /orders' && body) {
    const values = {
      product_id: body.product,
      quantity: body.quantity,
      created_at: new Date().toISOString(),
      note: body.note ?? null,
    };
    const [order] = await addOrder(
      columns.map((column) => values[/** @type {keyof typeof values} */ (column)]),
    );
    return [201, order];
  }
  const id = /^GET \/orders\/(\d+)$/.exec(asked)?.[1];
  const [order] = id ? await findOrder([Number(id)]) : [];
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
  server.close(async () => {
    await database.close();
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
