import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countingProxy, upstreamOf } from './kubernetes-counting-proxy.mjs';
import { kwokStages } from './kubernetes-kwok-stages.mjs';

/**
 * @typedef {object} ScaleRun What a rolling rollback of many pods took.
 * @property {number} exit
 * @property {string} output Of the process.
 * @property {number} wallMs
 * @property {number} peakMiB Largest resident size of the process.
 * @property {Awaited<ReturnType<typeof countingProxy>>['counted']} counted
 * @property {number} appends Writes of the journal's open end.
 * @property {number} entries That the journal has.
 * @property {Record<string, number>} objects Size of what was kept in the cluster, bytes by name.
 */

const NODES = 8;

/**
 * Rolls a Deployment back whose pods kwok pretends on pretended nodes, through a proxy that counts what is asked. Needs
 * KUBECONFIG, REGISTRY, kubectl and kwok.
 * @param {Omit<Awaited<ReturnType<typeof import('./kubernetes-rig.mjs')['loadRig']>>, 'close'>} rig
 * @param {{pods: number, batch: number, limitMs: number, nodeArguments?: string[], ready?(seconds: number): void}} options
 * @returns {Promise<ScaleRun>}
 */
export async function scaleRun(rig, { pods, batch, limitMs, nodeArguments = [], ready }) {
  const { testNamespace, workloadManifest, runProcess, startProcess, pushImage, until } = rig;
  const suffix = randomBytes(4).toString('hex');
  const folder = mkdtempSync(join(tmpdir(), 'rda-scale-'));
  const namespace = await testNamespace('rda-scale');
  const stages = join(folder, 'stages.yaml');
  writeFileSync(stages, kwokStages.map((each) => JSON.stringify(each)).join('\n---\n'));
  const kwok = spawn(
    'kwok',
    [
      ...['--kubeconfig', String(process.env.KUBECONFIG), '--cidr', '10.128.0.0/14', '--config', stages],
      ...['--manage-nodes-with-label-selector', `rda-scale=${suffix}`],
      // Without a heartbeat the cluster takes the nodes, and all pods on them, for lost after 50 s.
      ...['--node-lease-duration-seconds', '40'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let kwokSays = '';
  kwok.stderr.setEncoding('utf8').on('data', (chunk) => {
    kwokSays = (kwokSays + chunk).slice(-4000);
  });
  kwok.once('exit', (code) => {
    if (code) console.error(`kwok ended with ${code}:\n${kwokSays}`);
  });
  const stop = () => void kwok.kill('SIGTERM');
  process.once('exit', stop);
  try {
    const since = performance.now();
    await setUp();
    ready?.((performance.now() - since) / 1000);
    return await measure();
  } finally {
    await namespace.dispose();
    // With its nodes the pods go at once; without kwok nobody would confirm that they have ended.
    await until(async () => (await namespace.list('pods')).length === 0, 500);
    await runProcess('kubectl', ['delete', 'nodes', '--selector', `rda-scale=${suffix}`]);
    kwok.kill('SIGTERM');
    if (kwok.exitCode === null && kwok.signalCode === null) await once(kwok, 'exit');
    process.off('exit', stop);
    rmSync(folder, { recursive: true });
  }

  async function setUp() {
    await namespace.apply(...Array.from({ length: NODES }, (_, at) => node(suffix, at)));
    const [old, current] = [await pushImage('v2.14.3'), await pushImage('v2.14.4')];
    const deployment = workloadManifest({
      name: 'api',
      app: 'api',
      kind: 'Deployment',
      replicas: pods,
      image: old.reference,
      grace: false,
      env: {},
      labels: {},
      configMap: undefined,
      secret: undefined,
      spec: {
        strategy: { rollingUpdate: { maxSurge: '100%', maxUnavailable: '50%' } },
        progressDeadlineSeconds: 600,
      },
      podSpec: {
        nodeSelector: { 'rda-scale': suffix },
        tolerations: [{ key: 'kwok.x-k8s.io/node', operator: 'Exists' }],
      },
    });
    // A pretended pod answers nobody, so there is nothing to probe.
    /** @type {any} */ (deployment).spec.template.spec.containers[0].readinessProbe = undefined;
    await namespace.apply(deployment, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'api' },
      spec: { selector: { app: 'api' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    });
    const deployed = () => namespace.kubectl(['rollout', 'status', 'deployment/api', '--timeout', '600s']);
    await deployed();
    await namespace.kubectl(['set', 'image', 'deployment/api', `app=${current.reference}`]);
    await deployed();
    await until(async () => (await namespace.list('pods')).length === pods, 1000);
  }

  async function measure() {
    const admin = ['config', 'view', '--raw', '--flatten', '--minify', '--output', 'json'];
    const { stdout: configuration } = await runProcess('kubectl', admin);
    const proxy = await countingProxy(upstreamOf(configuration));
    await namespace.kubectl(['create', 'serviceaccount', 'bench']);
    const account = `${namespace.name}:bench`;
    await namespace.kubectl([
      'create',
      'rolebinding',
      'bench',
      '--clusterrole=admin',
      '--serviceaccount',
      account,
    ]);
    // The role for people who run a namespace leaves out what only its owner needs.
    await namespace.kubectl([
      'create',
      'role',
      'leases',
      '--verb=*',
      '--resource=leases.coordination.k8s.io',
    ]);
    await namespace.kubectl([
      'create',
      'rolebinding',
      'leases',
      '--role=leases',
      '--serviceaccount',
      account,
    ]);
    const token = (await namespace.kubectl(['create', 'token', 'bench'])).stdout.trim();
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'bench',
        clusters: [{ name: 'bench', cluster: { server: proxy.url, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'bench', user: { token } }],
        contexts: [
          { name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: namespace.name } },
        ],
      }),
      { mode: 0o600 },
    );
    writeFileSync(
      join(folder, 'rollback.yaml'),
      JSON.stringify({
        services: {
          api: {
            platform: { kind: 'kubernetes', workloads: ['deployment/api'], namespace: namespace.name, batch },
            registry: { kind: 'distribution' },
          },
        },
      }),
    );
    const cli = new URL('../dist/cli.js', import.meta.url).pathname;
    const args = ['--version', 'v2.14.3', '--strategy', 'rolling', '--yes', '--monitor', '0', '--no-backup'];
    const run = startProcess(
      process.execPath,
      [...nodeArguments, cli, ...args, '--timeout', String(limitMs / 1000)],
      {
        cwd: folder,
        env: { KUBECONFIG: kubeconfig },
        timeoutMs: limitMs + 60_000,
      },
    );
    let peakKiB = 0;
    const watching = setInterval(() => {
      peakKiB = peakOf(run.child.pid) ?? peakKiB;
    }, 100);
    const { exit, wallMs, stdout, stderr } = await run.ended;
    clearInterval(watching);
    proxy.close();
    const objects = await namespace.list('configmaps', '--selector', 'rollback-deploy-auto/kind');
    const headers = objects.flatMap(({ metadata }) => {
      const text = metadata.annotations?.['rollback-deploy-auto/journal'];
      return text === undefined ? [] : [/** @type {{entries: number}} */ (JSON.parse(text))];
    });
    return {
      exit,
      output: stdout + stderr,
      wallMs,
      peakMiB: peakKiB / 1024,
      counted: proxy.counted,
      appends: proxy.counted.byKind['PATCH configmaps'] ?? 0,
      entries: headers.reduce((sum, { entries }) => sum + entries, 0),
      objects: Object.fromEntries(objects.map((each) => [each.metadata.name, JSON.stringify(each).length])),
    };
  }
}

/** Largest resident size so far, KiB; undefined once the process is gone. @param {number | undefined} pid */
function peakOf(pid) {
  try {
    const match = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) : undefined;
  } catch {
    return undefined;
  }
}

/** The taint keeps other pods of the cluster away. @param {string} suffix @param {number} at */
function node(suffix, at) {
  const name = `rda-scale-${suffix}-${at}`;
  const capacity = { cpu: '1000', memory: '4Ti', pods: '1000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'rda-scale': suffix, 'kubernetes.io/hostname': name } },
    spec: { taints: [{ key: 'kwok.x-k8s.io/node', value: 'fake', effect: 'NoSchedule' }] },
    status: { allocatable: capacity, capacity },
  };
}
