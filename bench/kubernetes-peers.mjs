import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** @typedef {Awaited<ReturnType<typeof import('./kubernetes-rig.mjs').loadRig>>} Rig */
/** @typedef {import('../test/kubernetes/run-process.ts').ProcessResult} ProcessResult */
/** @typedef {import('../test/kubernetes/load.ts').Load} Load */
/** @typedef {import('../test/kubernetes/watch-traffic.ts').TrafficWatch} TrafficWatch */
/**
 * @typedef {object} Subject What one way of rolling back is measured on: v2.14.4 serves, v2.14.3 was before.
 * @property {() => Promise<Load>} load
 * @property {() => Promise<TrafficWatch>} traffic
 * @property {() => Promise<ProcessResult>} goBack What a user types, to the end of its last process.
 * @property {() => Promise<void>} restore Puts v2.14.4 back in place and waits until nothing moves.
 * @property {() => Promise<void>} dispose
 */
/** @typedef {{name: string, missing: string | undefined, prepare: () => Promise<Subject>}} Peer */

export const FROM = 'v2.14.4';
export const TO = 'v2.14.3';
/** A run that hangs is ended and told. */
const LIMIT = { timeoutMs: 120_000 };
const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

/** @param {Rig} rig @param {number} pods @returns {Peer[]} The first one is what the others are compared with. */
export function peers(rig, pods) {
  const unbuilt = existsSync(CLI) ? undefined : 'not built; run npm run build';
  return [
    { name: 'kubectl', missing: missingProgram('kubectl'), prepare: () => kubectlSubject(rig, pods) },
    .../** @type {const} */ (['canary', 'blue-green']).map((strategy) => ({
      name: `Argo Rollouts ${strategy}`,
      missing: missingArgo(),
      prepare: () => argoSubject(rig, pods, strategy),
    })),
    ...['rolling', 'instant', 'blue-green'].map((strategy) => ({
      name: `ours ${strategy}`,
      missing: unbuilt,
      prepare: () => ourSubject(rig, pods, strategy),
    })),
    // The peer keeps two ReplicaSets behind one Service; here they are two Deployments.
    ...[true, false].map((warm) => ({
      name: `ours blue-green pair, ${warm ? 'warm' : 'cold'}`,
      missing: unbuilt,
      prepare: () => pairSubject(rig, pods, warm),
    })),
  ];
}

/** @param {Rig} rig @param {number} pods @returns {Promise<Subject>} */
async function kubectlSubject({ kubernetesRig }, pods) {
  const rig = await kubernetesRig({ env: { GAUGE: '1' }, replicas: pods });
  return {
    load: rig.load,
    traffic: rig.traffic,
    async goBack() {
      const since = performance.now();
      await rig.kubectl(['rollout', 'undo', rig.target]);
      const end = await rig.kubectl(['rollout', 'status', rig.target]);
      return { ...end, wallMs: performance.now() - since };
    },
    restore: () => rig.deploy(FROM),
    dispose: rig.dispose,
  };
}

/** @param {Rig} rig @param {number} pods @param {string} strategy @returns {Promise<Subject>} */
async function ourSubject({ kubernetesRig }, pods, strategy) {
  const rig = await kubernetesRig({ env: { GAUGE: '1' }, replicas: pods });
  return {
    load: rig.load,
    traffic: rig.traffic,
    goBack: () => rig.rda(ourArguments(rig.target, rig.namespace, strategy), LIMIT),
    restore: () => rig.deploy(FROM),
    dispose: rig.dispose,
  };
}

/** Two Deployments of which the Service selects one; the other one has no pods where it is cold. @param {Rig} rig @param {number} pods @param {boolean} warm @returns {Promise<Subject>} */
async function pairSubject({ kubernetesRig }, pods, warm) {
  const rig = await kubernetesRig({
    env: { GAUGE: '1' },
    replicas: pods,
    name: 'api-green',
    app: 'api',
    labels: { slot: 'green' },
    versions: [FROM],
    selector: { app: 'api', slot: 'green' },
  });
  await rig.add({ name: 'api-blue', labels: { slot: 'blue' }, versions: [TO] });
  const scale = async (/** @type {string} */ target, /** @type {number} */ replicas) => {
    await rig.kubectl(['scale', target, '--replicas', String(replicas)]);
    await rig.settled(target);
  };
  const rest = () => scale('deployment/api-blue', warm ? pods : 0);
  await rest();
  return {
    load: rig.load,
    traffic: rig.traffic,
    goBack: () => rig.rda(ourArguments(rig.target, rig.namespace, 'blue-green'), LIMIT),
    async restore() {
      await scale('deployment/api-green', pods);
      await rig.patch('service/api', { spec: { selector: { app: 'api', slot: 'green' } } });
      await rest();
    },
    dispose: rig.dispose,
  };
}

/** @param {string} target @param {string} namespace @param {string} strategy */
function ourArguments(target, namespace, strategy) {
  const how = ['--version', TO, '--strategy', strategy, '--yes', '--monitor', '0', '--output', 'json'];
  return [target, '-n', namespace, ...how];
}

/** With a controller of its own, which sees no other namespace. @param {Rig} rig @param {number} pods @param {'canary' | 'blue-green'} strategy @returns {Promise<Subject>} */
async function argoSubject({ kubernetesRig, workloadManifest, runProcess, until }, pods, strategy) {
  const crds = process.env.ROLLOUTS_CRDS ?? '';
  for (const file of readdirSync(crds).filter((name) => name.endsWith('-crd.yaml')))
    await runProcess('kubectl', ['apply', '--server-side', '--filename', join(crds, file)]);
  // Its Deployment has no pods: the namespace, the Service and the load are what is wanted of it.
  const rig = await kubernetesRig({ name: 'api', versions: [TO] });
  await rig.kubectl(['delete', 'deployment', 'api', '--cascade=foreground']);
  const controller = spawn(
    'rollouts-controller',
    [
      ...['--namespaced', '--namespace', rig.namespace, '--leader-elect=false', '--loglevel', 'warn'],
      ...['--healthzPort', '18080', '--metricsPort', '18090'],
      ...(process.env.KUBECONFIG ? ['--kubeconfig', process.env.KUBECONFIG] : []),
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  // Also where the benchmark is interrupted: a controller left behind would go on moving things.
  process.once('exit', () => controller.kill('SIGTERM'));
  const plugin = (/** @type {string[]} */ args) =>
    runProcess('kubectl-argo-rollouts', ['--namespace', rig.namespace, ...args]);
  const settled = async () => {
    await plugin(['status', 'api', '--timeout', '90s']);
    await until(async () => (await rig.list('pods', '--selector', 'app=api')).length === pods);
  };
  const deploy = async (/** @type {string} */ version) => {
    await plugin(['set', 'image', 'api', `app=${(await rig.image(version)).reference}`]);
    // Right after the change the status is still the one before it.
    await wait(500);
    await settled();
  };
  const workload = workloadManifest({
    name: 'api',
    app: 'api',
    kind: 'Deployment',
    replicas: pods,
    image: (await rig.image(TO)).reference,
    grace: false,
    env: {},
    labels: {},
    configMap: undefined,
    secret: undefined,
    spec: {
      strategy:
        strategy === 'canary'
          ? { canary: {} }
          : { blueGreen: { activeService: 'api', scaleDownDelaySeconds: 5 } },
    },
    podSpec: {},
  });
  await rig.apply({ ...workload, apiVersion: 'argoproj.io/v1alpha1', kind: 'Rollout' });
  await until(async () => (await rig.list('pods', '--selector', 'app=api')).length === pods);
  await settled();
  await deploy(FROM);
  return {
    load: rig.load,
    traffic: rig.traffic,
    async goBack() {
      const since = performance.now();
      await plugin(['undo', 'api']);
      const end = await plugin(['status', 'api']);
      return { ...end, wallMs: performance.now() - since };
    },
    restore: () => deploy(FROM),
    async dispose() {
      controller.kill('SIGTERM');
      await once(controller, 'exit');
      await rig.dispose();
    },
  };
}

function missingArgo() {
  const program = missingProgram('rollouts-controller') ?? missingProgram('kubectl-argo-rollouts');
  if (program) return program;
  const crds = process.env.ROLLOUTS_CRDS;
  if (!crds) return "ROLLOUTS_CRDS does not name the folder of Argo Rollouts' CRDs";
  return existsSync(crds) ? undefined : `there is no folder ${crds}`;
}

/** @param {string} name */
function missingProgram(name) {
  const found = spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
  return found ? undefined : `${name} is not on PATH`;
}
