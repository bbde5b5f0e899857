/**
 * `npm run bench:kubernetes [-- --runs 3] [--only ours,kubectl] [--pods 3]`: going back from v2.14.4 to
 * v2.14.3 by each way there is, in turn on one cluster: pods that end at once on SIGTERM, 30 ms a request, 300 new
 * connections a second.
 * Needs KUBECONFIG, REGISTRY and kubectl; for Argo Rollouts also its controller and plugin on PATH and ROLLOUTS_CRDS.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median } from 'simple-statistics';
import { FROM, peers, TO } from './kubernetes-peers.mjs';
import { loadRig } from './kubernetes-rig.mjs';

/** Before the first and after the last moment that is measured. */
const MARGIN_MS = 2500;
/**
 * Times are ms from Enter.
 * @typedef {object} Run
 * @property {number} exit
 * @property {string} output
 * @property {number} wallMs Until the process ended and the last old endpoint was gone.
 * @property {number} processMs
 * @property {number} oldGoneMs Until no EndpointSlice named an old pod; NaN where one was still there at the end.
 * @property {number} allOnMs Until the EndpointSlices named only target pods as ready.
 * @property {number} answeredMs When the last request was sent that the old version answered.
 * @property {number} sent
 * @property {number} failed
 * @property {Record<string, number>} reasons
 * @property {number} boundMs Of a rolling run of ours: first start + N x max(start, drain), as its record has them; else NaN.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    pods: { type: 'string', default: '3' },
  },
});
if (!process.env.KUBECONFIG || !process.env.REGISTRY) {
  console.error('Set KUBECONFIG and REGISTRY (host:port of a registry that the cluster pulls from).');
  process.exit(2);
}
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
]))
  process.once(signal, () => process.exit(code));
const rig = await loadRig();
const wanted = values.only?.split(',');
/** @type {Map<string, Run[]>} */
const results = new Map();
for (const peer of peers(rig, Number(values.pods))) {
  if (wanted && !wanted.some((part) => peer.name.startsWith(part))) continue;
  if (peer.missing) {
    console.log(`${peer.name}: not measured, ${peer.missing}`);
    continue;
  }
  try {
    results.set(peer.name, await measure(peer));
  } catch (error) {
    console.log(`${peer.name}: not measured, ${error instanceof Error ? error.message : error}`);
  }
}
printRatios();
await rig.close();

/** @param {import('./kubernetes-peers.mjs').Peer} peer */
async function measure(peer) {
  const subject = await peer.prepare();
  /** @type {Run[]} */
  const runs = [];
  try {
    for (let at = 0; at < Number(values.runs); at++) {
      if (at > 0) await subject.restore();
      const run = await measureOnce(subject);
      if (run.exit !== 0) throw new Error(`it ended with ${run.exit}:\n${run.output}`);
      runs.push(run);
      console.log(line(peer.name, run));
    }
  } finally {
    await subject.dispose();
  }
  return runs;
}

/** @param {import('./kubernetes-peers.mjs').Subject} subject @returns {Promise<Run>} */
async function measureOnce(subject) {
  const traffic = await subject.traffic();
  const load = await subject.load();
  try {
    await wait(MARGIN_MS);
    const enteredAtMs = Date.now();
    const { exit, wallMs: processMs, stdout, stderr } = await subject.goBack();
    await wait(MARGIN_MS);
    const { sent, failed, reasons, versions } = await load.stop();
    const oldGoneMs = (traffic.othersGoneAtMs(TO) ?? NaN) - enteredAtMs;
    return {
      exit,
      output: stdout + stderr,
      processMs,
      oldGoneMs,
      wallMs: Math.max(processMs, oldGoneMs),
      allOnMs: (traffic.allOnAtMs(TO) ?? NaN) - enteredAtMs,
      answeredMs: (versions[FROM]?.lastSentAtMs ?? NaN) - enteredAtMs,
      sent,
      failed,
      reasons,
      boundMs: boundOf(stdout),
    };
  } finally {
    traffic.stop();
    await load.stop();
  }
}

/** What no rolling run that starts a pod while the last one drains can be faster than. @param {string} output */
function boundOf(output) {
  if (!output.startsWith('{')) return NaN;
  /** @type {{steps: {id: string, tookMs?: number}[]}} */
  const { steps } = JSON.parse(output);
  const took = (/** @type {string} */ kind) =>
    steps.filter(({ id }) => id.startsWith(kind)).map(({ tookMs = 0 }) => tookMs);
  const [starts, drains] = [took('start-pods:'), took('drain-pods:')];
  if (starts.length < 2) return NaN;
  return (starts[0] ?? 0) + starts.length * Math.max(median(starts), median(drains));
}

function printRatios() {
  const middle = (/** @type {Run[]} */ runs, /** @type {'wallMs' | 'allOnMs'} */ what) =>
    median(runs.map((run) => run[what]));
  console.log('\nMedians; ratios are ours / peer: wall, all traffic on the target (EndpointSlices)');
  for (const [name, runs] of results) {
    const [sent, failed] = /** @type {const} */ (['sent', 'failed']).map((what) =>
      runs.reduce((sum, run) => sum + run[what], 0),
    );
    const [wall, on] = [middle(runs, 'wallMs'), middle(runs, 'allOnMs')];
    const against = [...results].filter(([peer]) => name.startsWith('ours') && !peer.startsWith('ours'));
    const ratios = against.map(
      ([peer, theirs]) =>
        `${(wall / middle(theirs, 'wallMs')).toFixed(2)}, ${(on / middle(theirs, 'allOnMs')).toFixed(2)} of ${peer}`,
    );
    const bound = median(runs.map(({ wallMs, boundMs }) => wallMs / boundMs));
    if (!Number.isNaN(bound)) ratios.push(`${bound.toFixed(2)} of first start + N x max(start, drain)`);
    console.log(
      `${name.padEnd(26)} ${seconds(wall)} s  on target ${seconds(on)} s  ${failed} of ${sent} failed` +
        `${ratios.length > 0 ? `  (${ratios.join('; ')})` : ''}`,
    );
  }
}

/** @param {string} name @param {Run} run */
function line(name, run) {
  const reasons = Object.entries(run.reasons).map(([reason, count]) => `${count} ${reason}`);
  return (
    `${name.padEnd(26)} wall ${seconds(run.wallMs)} (process ${seconds(run.processMs)}, ` +
    `last old endpoint gone ${seconds(run.oldGoneMs)}), on target ${seconds(run.allOnMs)} by slices, ` +
    `${seconds(run.answeredMs)} by answers; ${run.failed} of ${run.sent} failed` +
    `${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`
  );
}

/** @param {number} ms */
function seconds(ms) {
  return (ms / 1000).toFixed(2);
}
