/**
 * `npm run bench:proxy`: requests a second and latency through the built local proxy beside a direct connection to the
 * same instance, in turn: 32 keep-alive connections, each sending its next request as soon as it has the answer.
 * Instance, proxy and client are processes of their own and share the machine's cores, as they do in use.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, get } from 'node:http';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from 'simple-statistics';

const CONNECTIONS = 32;
const SECONDS = 4;
const ROUNDS = 3;
const DEADLINE_MS = 10_000;
const self = fileURLToPath(import.meta.url);
const [role, argument = ''] = process.argv.slice(2);

if (role === 'instance') instance();
else if (role === 'client') process.send?.(await drive(argument));
else await bench();

function instance() {
  const body = JSON.stringify({ products: Array.from({ length: 4 }, (_, id) => ({ id, name: 'Teapot' })) });
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : undefined);
  });
  process.once('disconnect', () => process.exit(0));
}

/** @param {string} url @returns {Promise<{rate: number, p50Ms: number, p99Ms: number}>} */
async function drive(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  /** @type {number[]} */
  const latencies = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() - startedAt < SECONDS * 1000) {
        const since = performance.now();
        await ask(url, agent);
        latencies.push(performance.now() - since);
      }
    }),
  );
  const took = (performance.now() - startedAt) / 1000;
  agent.destroy();
  const sorted = latencies.sort((a, b) => a - b);
  const at = (/** @type {number} */ q) => sorted[Math.floor(q * sorted.length)] ?? 0;
  return { rate: sorted.length / took, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** @param {string} url @param {Agent} [agent] */
function ask(url, agent) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      if (response.statusCode !== 200) reject(new Error(`${url} answered ${response.statusCode}.`));
      response.once('error', reject);
      response.once('end', resolve);
    }).once('error', reject);
  });
}

async function bench() {
  const folder = await mkdtemp(join(tmpdir(), 'rollback-bench-'));
  const upstream = fork(self, ['instance']);
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let proxy;
  try {
    const [port] = await once(upstream, 'message');
    proxy = await startProxy(folder, port);
    const proxyUrl = `http://127.0.0.1:${await portOf(proxy)}/products`;
    const urls = { direct: `http://127.0.0.1:${port}/products`, 'through the proxy': proxyUrl };
    await ask(proxyUrl);
    /** @type {Record<string, Awaited<ReturnType<typeof drive>>[]>} */
    const results = { direct: [], 'through the proxy': [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, url] of Object.entries(urls)) {
        const client = fork(self, ['client', url]);
        const [result] = await Promise.race([once(client, 'message'), failing(client)]);
        results[name]?.push(result);
      }
    }
    console.log(
      `node ${process.version}, ${availableParallelism()} cores, ${CONNECTIONS} connections, ` +
        `${ROUNDS} rounds of ${SECONDS} s, medians:`,
    );
    for (const [name, rounds] of Object.entries(results)) {
      const of = (/** @type {'rate' | 'p50Ms' | 'p99Ms'} */ what) =>
        median(rounds.map((round) => round[what]));
      console.log(
        `  ${name.padEnd(18)} ${of('rate').toFixed(0).padStart(6)} requests/s   ` +
          `p50 ${of('p50Ms').toFixed(2)} ms   p99 ${of('p99Ms').toFixed(2)} ms`,
      );
    }
  } finally {
    upstream.disconnect();
    if (proxy && proxy.exitCode === null) {
      proxy.kill('SIGTERM');
      await once(proxy, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder @param {number} port Of the instance. */
async function startProxy(folder, port) {
  const backend = { id: 'bench-r1-1', release: 'r1', port, inRotation: true, ready: true };
  await writeFile(join(folder, 'proxy.json'), JSON.stringify({ host: '127.0.0.1', port: 0 }));
  await writeFile(join(folder, 'routes.json'), JSON.stringify({ version: 1, backends: [backend] }));
  const script = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/local-proxy.js');
  return spawn(process.execPath, [script, '--dir', folder], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** The proxy logs where it listens. @param {import('node:child_process').ChildProcess} proxy @returns {Promise<string>} */
function portOf(proxy) {
  let log = '';
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`The proxy did not start:\n${log}`)), DEADLINE_MS);
    proxy.stderr?.on('data', (chunk) => {
      log += chunk;
      const port = /listening on [\d.]+:(\d+)/.exec(log)?.[1];
      if (!port) return;
      clearTimeout(late);
      resolve(port);
    });
    proxy.once('exit', (code) => reject(new Error(`The proxy ended with ${code}:\n${log}`)));
  });
}

/** @param {import('node:child_process').ChildProcess} client @returns {Promise<never>} */
async function failing(client) {
  const [code] = await once(client, 'exit');
  // Its message may still be on its way.
  await new Promise((resolve) => setImmediate(resolve));
  throw new Error(`The client ended with ${code}.`);
}
