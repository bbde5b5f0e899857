#!/usr/bin/env node
/**
 * Open-loop HTTP load on a shop, in a process of its own: a request is sent when it is due, whether or not earlier
 * ones were answered, and its latency counts from that moment, so that a stall is seen in full (no coordinated
 * omission). Every request ends in exactly one outcome. Ends by SIGTERM, SIGINT or after --seconds, waits for what is
 * in flight, and prints its report as JSON.
 *
 *   node examples/load/load.mjs --url http://127.0.0.1:8080 --rate 200 --seconds 30 --new-connections 0.5
 */
import { fork } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** A request without an answer by then has timed out, ms. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Idle connections are closed here well before a server would, as careful clients do. */
const IDLE_MS = 1_500;
const MAX_RATE = 2_000;
const MAX_SECONDS = 3_600;
const KEPT_FAILURES = 20;

/**
 * @typedef {object} LoadOptions
 * @property {string} url Base URL, on 127.0.0.0/8 only.
 * @property {number} [rate] Requests a second. Default 200, at most 2000.
 * @property {number} [seconds] Ends by itself after it. Default 120, at most 3600.
 * @property {number} [newConnections] Share (0-1) of requests on a connection of their own. Default 0.5.
 * @property {number} [addresses] Source addresses 127.0.0.1 and up, taken in turn (Linux; elsewhere 1). Default 16.
 * @property {string} [healthPath] Where set, only this path is asked for, by GET: for servers that are no shop.
 *
 * @typedef {object} VersionReport By response header `x-version`; `unknown` where there was none.
 * @property {number} answered
 * @property {number} injectedFaults Answers with the header `x-injected-fault`.
 * @property {number} errors Answers that are not as they should be and carry no such header.
 * @property {number} p50Ms From the moment the request was due to the end of the answer, ms.
 * @property {number} p95Ms
 * @property {number} p99Ms
 * @property {number} maxMs
 * @property {number} firstMs When its first answer ended, ms since the start of the load.
 * @property {number} lastMs
 *
 * @typedef {object} LoadReport
 * @property {number} sent answered + refused + reset + timedOut + other.
 * @property {number} answered A whole response came, whatever its status.
 * @property {number} ok
 * @property {number} failed All but ok and injected faults.
 * @property {number} refused
 * @property {number} reset Connection lost before the whole answer came.
 * @property {number} timedOut
 * @property {number} proxy5xx 5xx made by the proxy (header `x-rollback-proxy` and no `x-version`).
 * @property {number} other Anything else that gave no answer.
 * @property {number} applicationErrors Wrong answers of a release without `x-injected-fault`; by version below.
 * @property {number} injectedFaults
 * @property {Record<string, VersionReport>} versions
 * @property {string[]} failures The first few, in words.
 * @property {number} connections Connections opened.
 * @property {number} seconds
 */

/** @typedef {{due: number, method: string, path: string, body: string | undefined, expect: number}} Planned */

/**
 * Starts the load in a process of its own. It ends with the process that started it, at the latest.
 * @param {LoadOptions} options
 */
export function startLoad(options) {
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, String(value)],
  );
  const child = fork(fileURLToPath(import.meta.url), args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  let output = '';
  child.stdout?.on('data', (/** @type {Buffer} */ chunk) => {
    output += chunk;
  });
  /** @type {Promise<LoadReport>} */
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(output));
      else reject(new Error(`The load generator ended with ${signal ?? `exit code ${code}`}.`));
    });
  });
  ended.catch(() => {});
  /** @type {Promise<void>} */
  const answered = new Promise((resolve) => {
    child.on('message', (message) => message === 'answered' && resolve());
  });
  /** @type {Promise<void>} */
  const started = Promise.race([
    answered,
    ended.then(() => Promise.reject(new Error('The load had no answer.'))),
  ]);
  // Whoever doesn't wait for it sees the loss in the report.
  started.catch(() => {});
  return {
    pid: child.pid,
    /** Resolves with the first answer; rejects where the load ended before. */
    started,
    /** The counts so far. @returns {Promise<LoadReport>} */
    snapshot() {
      return new Promise((resolve, reject) => {
        const listen = (/** @type {any} */ message) => {
          if (message === 'answered') return;
          child.off('message', listen);
          resolve(message);
        };
        child.on('message', listen);
        ended.then(resolve, reject);
        child.send('snapshot', (error) => error && reject(error));
      });
    },
    /** Sends no more, waits for what is in flight, and returns the counts. @returns {Promise<LoadReport>} */
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
    ended,
  };
}

/**
 * One line for people, e.g. `sent 900, answered 900, failed 0 (refused 0, ...)`.
 * @param {LoadReport} report
 * @param {string} target The version whose errors are named.
 */
export function sayLoad(report, target) {
  const causes = [
    `refused ${report.refused}`,
    `reset ${report.reset}`,
    `timed out ${report.timedOut}`,
    `proxy 5xx ${report.proxy5xx}`,
    `${target} errors ${report.versions[target]?.errors ?? 0}`,
  ];
  for (const [version, of] of Object.entries(report.versions)) {
    if (version !== target && of.errors > 0) causes.push(`${version} errors ${of.errors}`);
  }
  if (report.other > 0) causes.push(`other ${report.other}`);
  const injected = Object.entries(report.versions).filter(([, of]) => of.injectedFaults > 0);
  const apart = injected.map(
    ([version, of]) => `${version}'s own injected faults: ${of.injectedFaults}, counted apart`,
  );
  return [
    `sent ${report.sent}, answered ${report.answered}, failed ${report.failed} (${causes.join(', ')})`,
    ...apart,
  ].join('; ');
}

/**
 * Sends until `stop` is called.
 * @param {Required<Omit<LoadOptions, 'healthPath'>> & {healthPath?: string}} options
 * @param {() => void} onFirstAnswer
 */
function run(options, onFirstAnswer) {
  const base = new URL(options.url);
  if (base.protocol !== 'http:' || !/^127(\.\d{1,3}){3}$/.test(base.hostname)) {
    throw new Error(`--url must be http on 127.0.0.0/8, not ${options.url}.`);
  }
  if (!(options.rate > 0 && options.rate <= MAX_RATE)) throw new Error(`--rate must be at most ${MAX_RATE}.`);
  if (!(options.seconds > 0 && options.seconds <= MAX_SECONDS))
    throw new Error(`--seconds must be at most ${MAX_SECONDS}.`);

  const addresses = process.platform === 'linux' ? Math.max(1, Math.min(250, options.addresses)) : 1;
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, timeout: IDLE_MS });
  const startedAt = performance.now();
  const counts = {
    sent: 0,
    answered: 0,
    ok: 0,
    refused: 0,
    reset: 0,
    timedOut: 0,
    proxy5xx: 0,
    other: 0,
    connections: 0,
  };
  /** @type {Map<string, {answered: number, injectedFaults: number, errors: number, latencies: number[], firstMs: number, lastMs: number}>} */
  const versions = new Map();
  /** @type {string[]} */
  const failures = [];
  /** @type {number[]} Orders that were confirmed, to be asked for later: a lost one is a failure. */
  const orders = [];
  let inFlight = 0;
  let stopping = false;
  /** @type {() => void} */
  let idle = () => {};
  let endedAt = 0;

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * options.rate) + 1;
    while (!stopping && counts.sent < due) send(plan(counts.sent));
  }, 2);

  /** @param {number} n @returns {Planned} */
  function plan(n) {
    const due = startedAt + (n * 1000) / options.rate;
    if (options.healthPath)
      return { due, method: 'GET', path: options.healthPath, body: undefined, expect: 200 };
    const kind = n % 10;
    if (kind < 3) {
      const body = JSON.stringify({ product: 1 + (n % 4), quantity: 1 + (n % 3) });
      return { due, method: 'POST', path: '/orders', body, expect: 201 };
    }
    const order = kind < 6 ? orders[(n * 7919) % orders.length] : undefined;
    return {
      due,
      method: 'GET',
      path: order ? `/orders/${order}` : '/products',
      body: undefined,
      expect: 200,
    };
  }

  /** @param {Planned} planned */
  function send(planned) {
    const n = counts.sent++;
    inFlight++;
    let settled = false;
    const ownConnection = (n * 0.618034) % 1 < options.newConnections;
    const outgoing = request({
      host: base.hostname,
      port: base.port || 80,
      method: planned.method,
      path: planned.path,
      localAddress: addresses > 1 ? `127.0.0.${1 + (n % addresses)}` : undefined,
      agent: ownConnection ? false : agent,
      headers: planned.body
        ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(planned.body) }
        : {},
    });
    const deadline = setTimeout(() => {
      settle('timedOut', 'no answer in time');
      outgoing.destroy();
    }, REQUEST_TIMEOUT_MS);

    outgoing.once('socket', (socket) => {
      if (socket.connecting) counts.connections++;
    });
    outgoing.once('error', (/** @type {NodeJS.ErrnoException} */ error) => lost(error));
    outgoing.once('response', (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.once('error', (/** @type {NodeJS.ErrnoException} */ error) => lost(error));
      response.once('close', () => {
        if (!response.complete) settle('reset', 'the answer was cut off');
      });
      response.once('end', () => {
        if (response.complete) answer(response, Buffer.concat(chunks).toString());
      });
    });
    outgoing.end(planned.body);

    /** @param {NodeJS.ErrnoException} error */
    function lost(error) {
      if (error.code === 'ECONNREFUSED') settle('refused', error.message);
      else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') settle('reset', error.message);
      else settle('other', `${error.code ?? ''} ${error.message}`);
    }

    /** @param {'refused' | 'reset' | 'timedOut' | 'other'} outcome @param {string} why */
    function settle(outcome, why) {
      if (settled) return;
      counts[outcome]++;
      fail(why);
      finish();
    }

    /** @param {string} why */
    function fail(why) {
      const at = ((performance.now() - startedAt) / 1000).toFixed(2);
      if (failures.length < KEPT_FAILURES) failures.push(`${at}s ${planned.method} ${planned.path}: ${why}`);
    }

    function finish() {
      settled = true;
      clearTimeout(deadline);
      inFlight--;
      if (stopping && inFlight === 0) idle();
    }

    /** @param {import('node:http').IncomingMessage} response @param {string} text */
    function answer(response, text) {
      if (settled) return;
      const now = performance.now();
      if (counts.answered++ === 0) onFirstAnswer();
      const status = response.statusCode ?? 0;
      const version = response.headers['x-version'];
      if (version === undefined && response.headers['x-rollback-proxy'] !== undefined && status >= 500) {
        counts.proxy5xx++;
        fail(`${status} from the proxy: ${text.slice(0, 100)}`);
        return finish();
      }
      const name = typeof version === 'string' ? version : 'unknown';
      const of = versions.get(name) ?? {
        answered: 0,
        injectedFaults: 0,
        errors: 0,
        latencies: [],
        firstMs: now - startedAt,
        lastMs: 0,
      };
      versions.set(name, of);
      of.answered++;
      of.latencies.push(now - planned.due);
      of.lastMs = now - startedAt;
      if (response.headers['x-injected-fault'] !== undefined) of.injectedFaults++;
      else if (status !== planned.expect) {
        of.errors++;
        fail(`${status} from ${name}: ${text.slice(0, 100)}`);
      } else {
        counts.ok++;
        if (planned.method === 'POST') remember(text);
      }
      finish();
    }
  }

  /** @param {string} text */
  function remember(text) {
    const id = JSON.parse(text).id;
    if (orders.length < 10_000) orders.push(id);
    else orders[id % orders.length] = id;
  }

  return {
    /** Sends no more; resolves once nothing is in flight. */
    async stop() {
      stopping = true;
      clearInterval(timer);
      endedAt = performance.now();
      if (inFlight > 0)
        await new Promise((resolve) => {
          idle = () => resolve(undefined);
        });
      agent.destroy();
    },
    /** @returns {LoadReport} */
    report() {
      const byVersion = [...versions]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([name, of]) => {
          const sorted = Float64Array.from(of.latencies).sort();
          const quantile = (/** @type {number} */ q) =>
            round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0);
          return [
            name,
            {
              answered: of.answered,
              injectedFaults: of.injectedFaults,
              errors: of.errors,
              p50Ms: quantile(0.5),
              p95Ms: quantile(0.95),
              p99Ms: quantile(0.99),
              maxMs: quantile(1),
              firstMs: round(of.firstMs),
              lastMs: round(of.lastMs),
            },
          ];
        });
      const sum = (/** @type {'errors' | 'injectedFaults'} */ what) =>
        [...versions.values()].reduce((all, of) => all + of[what], 0);
      const { connections, ...outcomes } = counts;
      // What is still in flight has no outcome yet: only a snapshot can hold some.
      return {
        ...outcomes,
        sent: counts.sent - inFlight,
        failed:
          counts.refused + counts.reset + counts.timedOut + counts.proxy5xx + counts.other + sum('errors'),
        applicationErrors: sum('errors'),
        injectedFaults: sum('injectedFaults'),
        versions: Object.fromEntries(byVersion),
        failures,
        connections,
        seconds: round(((endedAt || performance.now()) - startedAt) / 1000),
      };
    },
  };
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

async function main() {
  const { values } = parseArgs({
    options: {
      url: { type: 'string' },
      rate: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '120' },
      'new-connections': { type: 'string', default: '0.5' },
      addresses: { type: 'string', default: '16' },
      'health-path': { type: 'string' },
    },
  });
  if (!values.url) throw new Error('--url is missing, e.g. --url http://127.0.0.1:8080');
  const load = run(
    {
      url: values.url,
      rate: Number(values.rate),
      seconds: Number(values.seconds),
      newConnections: Number(values['new-connections']),
      addresses: Number(values.addresses),
      healthPath: values['health-path'],
    },
    () => process.send?.('answered'),
  );
  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    await load.stop();
    process.stdout.write(`${JSON.stringify(load.report(), null, 2)}\n`, () => process.exit(0));
  };
  process.on('SIGTERM', end);
  // A terminal's Ctrl-C reaches the whole process group; a parent that needs the report asks for it by SIGTERM.
  process.on('SIGINT', () => process.send === undefined && end());
  process.once('disconnect', () => process.exit(1));
  process.on('message', (message) => message === 'snapshot' && process.send?.(load.report()));
  setTimeout(end, Number(values.seconds) * 1000);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message);
    process.exit(2);
  });
}
