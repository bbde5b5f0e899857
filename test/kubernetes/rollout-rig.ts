import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startLoad } from './load.ts';
import { type Manifest, serviceManifest, workloadManifest } from './manifests.ts';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';
import { runProcess } from './run-process.ts';
import { watchTraffic } from './watch-traffic.ts';

/** Whether this environment has Argo Rollouts beside the cluster. */
export const hasRollouts = Boolean(hasCluster && process.env.ROLLOUTS_CRDS);

export interface RolloutOptions {
  name: string;
  strategy: object;
  /** Deployed in turn, each until it is promoted. */
  versions: string[];
  replicas?: number;
  /** More of its objects, made before it. */
  beside?: Manifest[];
}

/** What its controller says of it. */
type Phase = 'Healthy' | 'Paused' | 'Progressing';

export interface RolloutTarget {
  /** `rollout/api`. */
  target: string;
  url: string;
  /** Sets the version and waits until the Rollout says `phase` of it. */
  deploy(version: string, phase?: Phase): Promise<void>;
  /** Has its controller promote what is deployed, whatever its steps are, and waits for it. */
  promote(): Promise<void>;
  load(): ReturnType<typeof startLoad>;
  traffic(): ReturnType<typeof watchTraffic>;
  get(): Promise<RolloutObject>;
  /** Version of each pod that is not ending. */
  versions(): Promise<string[]>;
  /** Names of the pods of a version that are not ending. */
  pods(version: string): Promise<string[]>;
}

export interface RolloutObject {
  metadata: { annotations?: Record<string, string> };
  spec: { paused?: boolean; strategy: object; template: { spec: { containers: { image: string }[] } } };
  status: {
    phase: string;
    stableRS: string;
    currentPodHash: string;
    observedGeneration: string;
    abort?: boolean;
    currentStepIndex?: number;
    canary?: { weights?: { canary: { weight: number } } };
  };
}

export interface RolloutRig extends KubernetesRig {
  rollout(options: RolloutOptions): Promise<RolloutTarget>;
}

/** A namespace with a controller of Argo Rollouts of its own, which sees no other. */
export async function rolloutRig(): Promise<RolloutRig> {
  const crds = process.env.ROLLOUTS_CRDS ?? '';
  for (const file of readdirSync(crds).filter((name) => name.endsWith('-crd.yaml')))
    await runProcess('kubectl', ['apply', '--server-side', '--filename', join(crds, file)]);
  // Its Deployment is of no use here; the images and the namespace are.
  const rig = await kubernetesRig({ name: 'other', versions: ['v2.14.3'], replicas: 1 });
  const controller = spawn(
    'rollouts-controller',
    [
      ...['--namespaced', '--namespace', rig.namespace, '--leader-elect=false', '--loglevel', 'warn'],
      ...['--healthzPort', '18081', '--metricsPort', '18091'],
      ...(process.env.KUBECONFIG ? ['--kubeconfig', process.env.KUBECONFIG] : []),
    ],
    { stdio: 'ignore' },
  );

  async function rollout({
    name,
    strategy,
    versions,
    replicas = 3,
    beside = [],
  }: RolloutOptions): Promise<RolloutTarget> {
    const target = `rollout/${name}`;
    const [first = 'v2.14.3', ...rest] = versions;
    const get = () => rig.get<RolloutObject>(target);
    const live = async () =>
      (await rig.list('pods', '--selector', `app=${name}`)).filter(
        ({ metadata }) => metadata.deletionTimestamp === undefined,
      ) as unknown as Pod[];
    const reached = async (phase: string) => {
      await until(async () => (await get()).status?.phase === phase);
      // Until then old pods still stop, and the next measurement would see them.
      await until(async () => {
        const pods = await rig.list('pods', '--selector', `app=${name}`);
        return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined);
      });
    };
    const deploy = async (version: string, phase: Phase = 'Healthy') => {
      const before = (await get()).status.currentPodHash;
      const { reference } = await rig.image(version);
      const path = '/spec/template/spec/containers/0/image';
      await rig.patchJson(target, [{ op: 'replace', path, value: reference }]);
      // Until its controller has taken it up, what it says is of the version before.
      await until(async () => (await get()).status.currentPodHash !== before);
      await reached(phase);
    };
    const promote = async () => {
      const { currentPodHash } = (await get()).status;
      const order = JSON.stringify({ status: { promoteFull: true } });
      await rig.kubectl(['patch', target, '--subresource=status', '--type=merge', '--patch', order]);
      await until(async () => (await get()).status.stableRS === currentPodHash);
      await reached('Healthy');
    };
    const workload = workloadManifest({
      name,
      app: name,
      kind: 'Deployment',
      replicas,
      image: (await rig.image(first)).reference,
      grace: false,
      env: {},
      labels: {},
      configMap: undefined,
      secret: undefined,
      spec: { strategy },
      podSpec: {},
    });
    await rig.apply(serviceManifest(name, { app: name }), ...beside, {
      ...workload,
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Rollout',
    });
    await reached('Healthy');
    for (const version of rest) await deploy(version);
    const { spec } = await rig.get<{ spec: { ports: { nodePort: number }[] } }>(`service/${name}`);
    const url = `http://${process.env.NODE_ADDRESS ?? '127.0.0.1'}:${spec.ports[0]?.nodePort}`;
    return {
      target,
      url,
      deploy,
      promote,
      get,
      load: () => startLoad({ url }),
      traffic: () => watchTraffic(rig.namespace, name),
      async versions() {
        return (await live()).map(versionOf).sort();
      },
      async pods(version) {
        const pods = (await live()).filter((pod) => versionOf(pod) === version);
        return pods.map(({ metadata }) => metadata.name).sort();
      },
    };
  }

  return {
    ...rig,
    rollout,
    async dispose() {
      controller.kill('SIGTERM');
      if (controller.exitCode === null) await once(controller, 'exit');
      await rig.dispose();
    },
  };
}

function versionOf({ spec }: Pod): string {
  return spec.containers[0]?.image.split(':').at(-1) ?? '';
}

interface Pod {
  metadata: { name: string };
  spec: { containers: { image: string }[] };
}
