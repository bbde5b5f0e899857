/**
 * Sends load at a constant rate, whatever the answers are like, and counts. Started by load.ts in a process of its own,
 * so that the test's work does not delay it; options are its argument, in JSON; its messages are what it counted.
 */
import { Agent, get } from 'node:http';
import { WebSocket } from 'ws';

const TICK_MS = 5;
const FAILURES_KEPT = 1000;

/** @type {import('./load.ts').LoadOptions & Required<Pick<import('./load.ts').LoadOptions, 'rate' | 'mode' | 'connections' | 'timeoutMs'>>} */
const options = JSON.parse(process.argv[2] ?? '{}');
const counted = {
  startedAtMs: Date.now(),
  endedAtMs: 0,
  sent: 0,
  ok: 0,
  failed: 0,
  /** @type {Record<string, number>} */
  reasons: {},
  /** @type {{sentAtMs: number, atMs: number, reason: string, pod?: string}[]} */
  failures: [],
  /** @type {Record<string, number>} */
  statuses: {},
  /** @type {Record<string, {count: number, firstSentAtMs: number, lastSentAtMs: number}>} */
  versions: {},
  slowestMs: 0,
  told: 0,
  cut: 0,
};
const headers = options.host ? { host: options.host } : {};
let underWay = 0;
let stopping = false;
let source = 0;
/** @type {(() => void)[]} */
const leave = [];

const send = sender();
const beganAt = performance.now();
let due = 0;
const timer = setInterval(() => {
  // Open loop: what is due is sent, also when the process was late or answers are missing.
  for (const until = ((performance.now() - beganAt) / 1000) * options.rate; due < until; due++) send();
}, TICK_MS);

process.on('message', async (message) => {
  if (message === 'soFar') return process.send?.(counted);
  stopping = true;
  clearInterval(timer);
  // Every request ends: with an answer, an error or its timeout.
  while (underWay > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  counted.endedAtMs = Date.now();
  for (const end of leave) end();
  process.send?.(counted, () => process.exit(0));
});
// The test that started it is gone.
process.once('disconnect', () => process.exit(1));
process.send?.('started');

/** @returns {() => void} Sends one. */
function sender() {
  if (options.mode === 'websocket') return webSockets();
  if (options.mode !== 'keep-alive') return () => request(false, nextSource());
  const agents = Array.from(
    { length: options.connections },
    () => new Agent({ keepAlive: true, maxSockets: 1 }),
  );
  const sources = agents.map(() => nextSource());
  leave.push(() => {
    for (const agent of agents) agent.destroy();
  });
  let turn = 0;
  return () => {
    const at = turn++ % agents.length;
    request(/** @type {Agent} */ (agents[at]), /** @type {string} */ (sources[at]));
  };
}

/**
 * One address that opens hundreds of connections a second uses its ports again while the kernel still remembers where
 * they led, and new connections would then go to pods that are gone.
 */
function nextSource() {
  if (!/^(127\.|localhost$)/.test(new URL(options.url).hostname)) return undefined;
  source = (source + 1) % (200 * 250);
  return `127.${20 + Math.floor(source / 62_500)}.${Math.floor(source / 250) % 250}.${1 + (source % 250)}`;
}

/** @param {Agent | false} agent @param {string | undefined} localAddress */
function request(agent, localAddress) {
  const sentAtMs = Date.now();
  const since = performance.now();
  let over = false;
  begin();
  const outgoing = get(options.url, { agent, localAddress, headers, timeout: 0 }, (response) => {
    const { 'x-version': version, 'x-pod': pod } = response.headers;
    response.resume();
    response.once('error', (error) => end(error.code ?? error.message, pod));
    response.once('aborted', () => end('the answer was cut off', pod));
    response.once('end', () => {
      if (!response.complete) return;
      counted.statuses[response.statusCode] = (counted.statuses[response.statusCode] ?? 0) + 1;
      saw(version, sentAtMs);
      end(response.statusCode === 200 ? undefined : `status ${response.statusCode}`, pod);
    });
  });
  const late = setTimeout(() => {
    end(`no answer in ${options.timeoutMs} ms`);
    outgoing.destroy();
  }, options.timeoutMs);
  outgoing.once('error', (error) =>
    end(`${error.code ?? error.message}${outgoing.reusedSocket ? ' on a connection in use' : ''}`),
  );

  /** @param {string} [reason] Of the failure. @param {string} [pod] */
  function end(reason, pod) {
    if (over) return;
    over = true;
    clearTimeout(late);
    finish(sentAtMs, since, reason, pod);
  }
}

function webSockets() {
  const lines = Array.from({ length: options.connections }, () => line());
  let turn = 0;
  return () => lines[turn++ % lines.length]?.say();
}

/** One WebSocket that is opened again whenever it ends. */
function line() {
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {{sentAtMs: number, since: number, late: NodeJS.Timeout}[]} */
  let waiting = [];
  let version = '';
  let pod = '';
  open();
  leave.push(() => socket?.close());
  return {
    say() {
      // Between two connections there is nobody to say it to; the connection counts, not the silence.
      if (socket?.readyState !== WebSocket.OPEN) return;
      const sentAtMs = Date.now();
      const late = setTimeout(() => socket?.terminate(), options.timeoutMs);
      waiting.push({ sentAtMs, since: performance.now(), late });
      begin();
      socket.send(String(sentAtMs));
    },
  };

  function open() {
    if (stopping) return;
    const sentAtMs = Date.now();
    const opened = new WebSocket(new URL('/ws', options.url), {
      localAddress: nextSource(),
      headers,
      handshakeTimeout: options.timeoutMs,
    });
    socket = opened;
    opened.once('error', (error) => {
      counted.sent++;
      fail(sentAtMs, `cannot connect: ${error.code ?? error.message}`);
    });
    opened.on('message', (data) => {
      const text = String(data);
      // The application's first words; all others are what was said to it.
      if (text.startsWith('{')) {
        ({ version, pod } = JSON.parse(text));
        return;
      }
      const said = waiting.shift();
      if (!said) return;
      clearTimeout(said.late);
      saw(version, said.sentAtMs);
      finish(said.sentAtMs, said.since, undefined, pod);
    });
    opened.once('close', (code) => {
      if (stopping && waiting.length === 0) return;
      if (code === 1001) counted.told++;
      else if (code === 1006) counted.cut++;
      for (const { sentAtMs, since, late } of waiting) {
        clearTimeout(late);
        finish(sentAtMs, since, `the connection ended with ${code}`, pod);
      }
      waiting = [];
      setTimeout(open, 20);
    });
  }
}

function begin() {
  counted.sent++;
  underWay++;
}

/** @param {number} sentAtMs @param {number} since @param {string} [reason] @param {string} [pod] */
function finish(sentAtMs, since, reason, pod) {
  underWay--;
  counted.slowestMs = Math.max(counted.slowestMs, Math.round(performance.now() - since));
  if (reason === undefined) counted.ok++;
  else fail(sentAtMs, reason, pod);
}

/** @param {number} sentAtMs @param {string} reason @param {string} [pod] */
function fail(sentAtMs, reason, pod) {
  counted.failed++;
  counted.reasons[reason] = (counted.reasons[reason] ?? 0) + 1;
  if (counted.failures.length < FAILURES_KEPT)
    counted.failures.push({ sentAtMs, atMs: Date.now(), reason, pod });
}

/** @param {string | string[] | undefined} version @param {number} sentAtMs */
function saw(version, sentAtMs) {
  const name = String(version ?? 'unknown');
  counted.versions[name] ??= { count: 0, firstSentAtMs: sentAtMs, lastSentAtMs: sentAtMs };
  const seen = counted.versions[name];
  seen.count++;
  seen.firstSentAtMs = Math.min(seen.firstSentAtMs, sentAtMs);
  seen.lastSentAtMs = Math.max(seen.lastSentAtMs, sentAtMs);
}
