/**
 * `npm run bench:kubernetes-scale [-- --pods 1000 --batch 334]`: a rolling rollback of many pods, which kwok pretends
 * on pretended nodes: memory of the process, requests to the API server, watches, and the size of the journal.
 * Needs KUBECONFIG, REGISTRY, kubectl and kwok.
 */
import { parseArgs } from 'node:util';
import { loadRig } from './kubernetes-rig.mjs';
import { scaleRun } from './kubernetes-scale-run.mjs';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '1000' },
    // Default: a third of the pods.
    batch: { type: 'string' },
    // For the process that is measured, e.g. `--cpu-prof --cpu-prof-dir=FOLDER`.
    'node-arguments': { type: 'string', default: '' },
  },
});
const pods = Number(values.pods);
const batch = Number(values.batch ?? Math.ceil(pods / 3));
if (!process.env.KUBECONFIG || !process.env.REGISTRY) {
  console.error('Set KUBECONFIG and REGISTRY (host:port of a registry that the cluster pulls from).');
  process.exit(2);
}
for (const [signal, code] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
]))
  process.once(signal, () => process.exit(code));
const { close, ...rig } = await loadRig();
try {
  const run = await scaleRun(rig, {
    pods,
    batch,
    limitMs: 900_000,
    nodeArguments: values['node-arguments'].split(' ').filter(Boolean),
    ready: (seconds) => console.log(`${pods} pods in two revisions after ${seconds.toFixed(0)} s`),
  });
  if (run.exit !== 0) console.log(`It ended with ${run.exit}:\n${run.output.slice(-3000)}`);
  const { requests, byKind, watches, watchesAtOnce } = run.counted;
  const seconds = (run.wallMs / 1000).toFixed(1);
  console.log(`batch ${batch}: exit ${run.exit} after ${seconds} s; peak ${run.peakMiB.toFixed(0)} MiB`);
  const each = (/** @type {number} */ count) => (count / pods).toFixed(2);
  const writes = byKind['PATCH pods'] ?? 0;
  console.log(`${requests} requests, ${each(requests)} a pod; ${each(writes)} of them write pods`);
  console.log(JSON.stringify(byKind));
  console.log(`watches begun ${JSON.stringify(watches)}, at a time ${JSON.stringify(watchesAtOnce)}`);
  console.log(`${run.entries} journal entries in ${run.appends} appends`);
  for (const [name, bytes] of Object.entries(run.objects))
    console.log(`  ${name}: ${(bytes / 1024).toFixed(1)} KiB`);
} finally {
  await close();
}
