import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ComparableOptions, comparable } from './comparable.ts';
import { type ImageOptions, pushImage, type TestImage } from './images.ts';
import { type LimitedUser, type LimitedUserOptions, limitedUser } from './limited-user.ts';
import { type Load, type LoadOptions, startLoad } from './load.ts';
import {
  configMapManifest,
  type Manifest,
  secretManifest,
  serviceManifest,
  type WorkloadKind,
  type WorkloadOptions,
  workloadManifest,
} from './manifests.ts';
import { type TestNamespace, testNamespace, until } from './namespace.ts';
import { type ProcessOptions, type ProcessResult, type RunningProcess, startProcess } from './run-process.ts';
import { type TrafficWatch, watchTraffic } from './watch-traffic.ts';

export interface RigOptions extends Partial<Omit<WorkloadOptions, 'image' | 'configMap' | 'secret'>> {
  /** Deployed in turn, each until it is available (default: v2.14.3, then v2.14.4). */
  versions?: string[];
  /** Repository, shell and so on of the images. */
  image?: ImageOptions;
  /** Data of a ConfigMap `NAME-config`, mounted on /etc/app; `config.json` is what `/config` shows. */
  config?: Record<string, string>;
  /** Kept in a Secret `NAME-secret`; `/config` shows it. */
  password?: string;
  /** What the Service selects by (default: the label `app`). */
  selector?: Record<string, string>;
}

export interface KubernetesRig extends TestNamespace {
  namespace: string;
  /** `deployment/api`, as the product and kubectl name it. */
  target: string;
  /** Of the Service's node port. */
  url: string;
  service: string;
  /** Pushes the version's image if the registry doesn't have it. */
  image(version: string): Promise<TestImage>;
  /** Puts the version into the template (of `workload`, default: the rig's own) and waits until all pods have it. */
  deploy(version: string, workload?: string): Promise<void>;
  /** The same, without waiting. */
  startDeploy(version: string, workload?: string): Promise<void>;
  /** Waits until the controller has done what the template says and old pods are gone. */
  settled(workload?: string): Promise<void>;
  /** One more workload of the application in the namespace; waits until it is available. */
  add(options: Pick<WorkloadOptions, 'name'> & RigOptions): Promise<void>;
  /** Version and content of configuration of each pod that serves, asked through the API server. */
  configurations(): Promise<SeenConfiguration[]>;
  load(options?: Partial<LoadOptions>): Promise<Load>;
  traffic(): Promise<TrafficWatch>;
  /** Runs the built product to its end, in an empty folder unless `cwd` says another. */
  rda(args: string[], options?: ProcessOptions): Promise<ProcessResult>;
  /** The same, to be looked at or killed on its way. */
  startRda(args: string[], options?: ProcessOptions): Promise<RunningProcess>;
  /** The workload and its Service as someone configured them; `toEqual` shows what a run left behind. */
  configured(options?: ComparableOptions): Promise<{ workload: Manifest; service: Manifest }>;
  limitedUser(roleYaml: string, options?: LimitedUserOptions): Promise<LimitedUser>;
}

export interface SeenConfiguration {
  version: string;
  pod: string;
  file: string | null;
  password: string | null;
}

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Whether this environment names a cluster and a registry; suites that need them skip without. */
export const hasCluster = Boolean(process.env.KUBECONFIG && process.env.REGISTRY);

/** A namespace with the application in two versions, the second one serving through a node port. */
export async function kubernetesRig(options: RigOptions = {}): Promise<KubernetesRig> {
  const namespace = await testNamespace();
  try {
    return await setUp(namespace, options);
  } catch (error) {
    await namespace.dispose();
    throw error;
  }
}

async function setUp(namespace: TestNamespace, options: RigOptions): Promise<KubernetesRig> {
  const { name = 'api', kind = 'Deployment', versions = ['v2.14.3', 'v2.14.4'] } = options;
  const app = options.app ?? name;
  const target = `${kind.toLowerCase()}/${name}`;
  const folders: string[] = [];
  const emptyFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rda-run-'));
    folders.push(folder);
    return folder;
  };
  const users: LimitedUser[] = [];
  const image = (version: string) => pushImage(version, options.image);

  const startDeploy = async (version: string, workload = target) => {
    const { reference } = await image(version);
    await namespace.kubectl(['set', 'image', workload, `app=${reference}`]);
  };
  const settled = async (workload = target) => {
    await namespace.kubectl(['rollout', 'status', workload, '--timeout', '90s']);
    // Until then old pods still stop, and the next measurement would see them.
    const labels = (await namespace.get<Workload>(workload)).spec.selector.matchLabels;
    const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    await until(async () => {
      const pods = await namespace.list('pods', '--selector', selector.join(','));
      return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined);
    });
  };
  const deploy = async (version: string, workload = target) => {
    await startDeploy(version, workload);
    await settled(workload);
  };
  const add = async (more: Pick<WorkloadOptions, 'name'> & RigOptions) => {
    const of = { ...options, ...more };
    const workload = `${(of.kind ?? kind).toLowerCase()}/${more.name}`;
    const [first = 'v2.14.3', ...rest] = of.versions ?? versions;
    await namespace.apply(...objectsOf({ ...of, app: of.app ?? app }, (await image(first)).reference));
    await settled(workload);
    for (const version of rest) await deploy(version, workload);
  };

  const selector = options.selector ?? { app };
  await namespace.apply(serviceManifest(app, selector));
  await add({ ...options, name });
  const { spec } = await namespace.get<Service>(`service/${app}`);
  const url = `http://${process.env.NODE_ADDRESS ?? '127.0.0.1'}:${spec.ports[0]?.nodePort}`;
  await until(() => answers(url));

  const startRda = async (args: string[], run: ProcessOptions = {}) =>
    startProcess(process.execPath, [CLI, ...args], { ...run, cwd: run.cwd ?? (await emptyFolder()) });
  return {
    ...namespace,
    namespace: namespace.name,
    target,
    url,
    service: app,
    image,
    deploy,
    startDeploy,
    settled,
    add,
    async configurations() {
      const pods = await namespace.list(
        'pods',
        '--selector',
        `app=${app}`,
        '--field-selector',
        'status.phase=Running',
      );
      return Promise.all(
        pods
          .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
          .map(async ({ metadata }) => {
            const path = `/api/v1/namespaces/${namespace.name}/pods/${metadata.name}:8080/proxy/config`;
            return JSON.parse((await namespace.kubectl(['get', '--raw', path])).stdout) as SeenConfiguration;
          }),
      );
    },
    load: (more) => startLoad({ url, ...more }),
    traffic: () => watchTraffic(namespace.name, app),
    startRda,
    rda: async (args, run) => (await startRda(args, run)).ended,
    async configured(more) {
      const [workload, service] = [await namespace.get(target), await namespace.get(`service/${app}`)];
      return { workload: comparable(workload, more), service: comparable(service, more) };
    },
    async limitedUser(roleYaml, more) {
      const user = await limitedUser(namespace, roleYaml, more);
      users.push(user);
      return user;
    },
    async dispose() {
      await namespace.dispose();
      for (const user of users) await user.dispose();
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Workload {
  spec: { selector: { matchLabels: Record<string, string> } };
}

interface Service {
  spec: { ports: { nodePort: number }[] };
}

/** The workload after what it refers to. */
function objectsOf(options: RigOptions & { name: string; app: string }, reference: string): Manifest[] {
  const { name, app, config, password } = options;
  const [configMap, secret] = [config && `${name}-config`, password && `${name}-secret`];
  return [
    ...(configMap ? [configMapManifest(configMap, config ?? {})] : []),
    ...(secret ? [secretManifest(secret, { password: password ?? '' })] : []),
    workloadManifest({
      name,
      app,
      kind: options.kind ?? ('Deployment' satisfies WorkloadKind),
      replicas: options.replicas ?? 3,
      image: reference,
      grace: options.grace ?? false,
      env: options.env ?? {},
      labels: options.labels ?? {},
      configMap,
      secret,
      spec: options.spec ?? {},
      podSpec: options.podSpec ?? {},
    }),
  ];
}

/** The node's proxy learns of a Service a moment after the API server. */
async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/healthz`, { headers: { connection: 'close' } }).catch(() => undefined);
  return response?.ok ?? false;
}
