import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** Whether the program is installed (Debian package `prometheus`). */
export const HAS_PROMETHEUS = (() => {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** From one scrape to the next, ms. */
export const SCRAPE_MS = 250;

/**
 * A sample has the time at which its scrape began, and its content is what the pod said up to the scrape's timeout later.
 * So a change is shown only that long after it was made: no sample from before it holds it. One moment more, since
 * Prometheus rounds the times of samples to its interval.
 */
const SHOWN_MS = SCRAPE_MS + 10;

/** A real Prometheus that scrapes pods pretended by one server. */
export interface PrometheusRig {
  url: string;
  port: number;
  /** Answers as a pod would; counted under its labels. */
  answer(pod: string, labels: Record<string, string>, ms: number, times?: number): void;
  /** Sets the pod's counters back to nothing, as a restart does. */
  restart(pod: string): void;
  /** Any series of a pod, e.g. `my_total{outcome="ok"}`. */
  set(pod: string, series: string, value: number): void;
  /** Resolves when all that was set so far has been scraped. */
  scraped(): Promise<void>;
  close(): Promise<void>;
}

export interface RigOptions {
  /** Labels of a pod's target. */
  pods: Record<string, Record<string, string>>;
  /** Names of the counter and of the histogram; without a histogram where it is ''. */
  counter?: string;
  histogram?: string;
  listen?: string;
}

const BOUNDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1];

export async function prometheusRig({
  pods,
  counter = 'http_requests_total',
  histogram = 'http_request_duration_seconds',
  listen = '127.0.0.1',
}: RigOptions): Promise<PrometheusRig> {
  const series = new Map<string, Map<string, number>>(Object.keys(pods).map((pod) => [pod, new Map()]));
  const scrapes = new Map<string, number>();
  const server = createServer(({ url = '' }, response) => {
    const pod = url.slice(1);
    const lines = [...(series.get(pod) ?? [])].map(([name, value]) => `${name} ${value}\n`);
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    // The scrape is over once Prometheus has the end of it.
    response.end(lines.join(''), () => scrapes.set(pod, (scrapes.get(pod) ?? 0) + 1));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), 'rda-prometheus-'));
  const jobs = Object.entries(pods).map(([pod, labels]) => ({
    job_name: pod,
    metrics_path: `/${pod}`,
    static_configs: [{ targets: [target], labels }],
  }));
  // JSON is YAML too.
  const every = `${SCRAPE_MS}ms`;
  const config = { global: { scrape_interval: every, scrape_timeout: every }, scrape_configs: jobs };
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${listen}:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await ready(url, child, () => said);
  const add = (pod: string, name: string, by: number) => {
    const of = series.get(pod) as Map<string, number>;
    of.set(name, (of.get(name) ?? 0) + by);
  };
  const later = (change: () => void) => void setTimeout(change, SHOWN_MS);
  const count = (pod: string, labels: Record<string, string>, ms: number, times: number) => {
    add(pod, `${counter}{${labelled(labels)}}`, times);
    if (histogram === '') return;
    for (const bound of BOUNDS) {
      add(
        pod,
        `${histogram}_bucket{${labelled({ ...labels, le: String(bound) })}}`,
        ms / 1000 <= bound ? times : 0,
      );
    }
    add(pod, `${histogram}_bucket{${labelled({ ...labels, le: '+Inf' })}}`, times);
    if (counter !== `${histogram}_count`) add(pod, `${histogram}_count{${labelled(labels)}}`, times);
  };
  const labelled = (labels: Record<string, string>) =>
    Object.entries(labels)
      .map(([key, value]) => `${key}="${value}"`)
      .join(',');
  return {
    url,
    port,
    answer: (pod, labels, ms, times = 1) => later(() => count(pod, labels, ms, times)),
    restart: (pod) => later(() => series.get(pod)?.clear()),
    set: (pod, name, value) => later(() => series.get(pod)?.set(name, value)),
    async scraped() {
      // Timers of one delay fire in the order in which they were set.
      await wait(SHOWN_MS);
      // The second scrape from now began after now; the third says that the second one was stored.
      const goals = Object.keys(pods).map((pod) => [pod, (scrapes.get(pod) ?? 0) + 3] as const);
      while (goals.some(([pod, goal]) => (scrapes.get(pod) ?? 0) < goal)) await wait(50);
    },
    async close() {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await gone;
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ready(url: string, child: ChildProcess, said: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`prometheus exited ${child.exitCode}: ${said()}`);
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok) return;
    await wait(50);
  }
}
