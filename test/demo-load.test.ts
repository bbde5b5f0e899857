import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { sayLoad, startLoad } from '../examples/load/load.mjs';

const LOAD = new URL('../examples/load/load.mjs', import.meta.url).pathname;

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A whole load against one handler, ended after its first answers or losses. */
async function loadOf(url: string, seconds = 1) {
  return startLoad({ url, rate: 100, seconds, addresses: 3, healthPath: '/' }).ended;
}

test('every request has exactly one outcome, and each kind is told from the others', async () => {
  let n = 0;
  const url = await serve((request, response) => {
    const kind = n++ % 6;
    if (kind === 0) return request.socket.destroy();
    if (kind === 1) {
      response.writeHead(200, { 'x-version': 'v2', 'content-length': 100 });
      response.write('cut');
      return setTimeout(() => request.socket.destroy(), 5);
    }
    if (kind === 2) return response.writeHead(503, { 'x-rollback-proxy': 'no-backend' }).end();
    if (kind === 3) return response.writeHead(500, { 'x-version': 'v2', 'x-injected-fault': '1' }).end();
    if (kind === 4) return response.writeHead(500, { 'x-version': 'v1' }).end();
    return response.writeHead(200, { 'x-version': 'v1' }).end('fine');
  });
  const report = await loadOf(url);
  const { versions } = report;

  expect(n).toBe(report.sent);
  expect(report.sent).toBe(report.answered + report.refused + report.reset + report.timedOut + report.other);
  const share = Math.floor(report.sent / 6);
  expect(report.reset).toBeGreaterThanOrEqual(2 * share);
  for (const count of [report.proxy5xx, report.injectedFaults, report.applicationErrors, report.ok]) {
    expect(count).toBeGreaterThanOrEqual(share);
    expect(count).toBeLessThanOrEqual(share + 1);
  }
  expect(versions.v2).toMatchObject({ injectedFaults: report.injectedFaults, errors: 0 });
  expect(versions.v1).toMatchObject({ errors: report.applicationErrors, injectedFaults: 0 });
  expect(report.failed).toBe(report.reset + report.proxy5xx + report.applicationErrors);
  expect(report.failures).toContainEqual(expect.stringContaining('503 from the proxy'));
  expect(sayLoad(report, 'v1')).toBe(
    `sent ${report.sent}, answered ${report.answered}, failed ${report.failed} (refused 0, reset ${report.reset}, ` +
      `timed out 0, proxy 5xx ${report.proxy5xx}, v1 errors ${report.applicationErrors}); ` +
      `v2's own injected faults: ${report.injectedFaults}, counted apart`,
  );
});

test('a port that nobody listens on is refused, request by request', async () => {
  const report = await loadOf('http://127.0.0.1:1');
  expect(report.refused).toBe(report.sent);
  expect(report.sent).toBeGreaterThan(50);
});

test('a stall is seen by all requests that were due in it', async () => {
  const waiting: (() => void)[] = [];
  let stalled = true;
  const url = await serve((_, response) => {
    const answer = () => response.writeHead(200, { 'x-version': 'v1' }).end();
    if (stalled) waiting.push(answer);
    else answer();
  });
  const load = startLoad({ url, rate: 100, seconds: 30, healthPath: '/' });
  await expect.poll(() => waiting.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(50);
  stalled = false;
  for (const answer of waiting) answer();
  await load.started;
  const report = await load.stop();
  expect(report.failed).toBe(0);
  expect(report.answered).toBe(report.sent);
  // They were due 10 ms after one another and answered together: the first waited for all the others.
  expect(report.versions.v1?.maxMs).toBeGreaterThan(400);
});

test.each(['http://10.0.0.1:80', 'http://example.org', 'https://127.0.0.1:443'])(
  '%s is not loaded',
  async (url) => {
    const error = await promisify(execFile)(process.execPath, [LOAD, '--url', url]).catch((error) => error);
    expect(error.code).toBe(2);
    expect(error.stderr).toContain('127.0.0.0/8');
  },
);
