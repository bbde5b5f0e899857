import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from './namespace.ts';
import { hasCluster, type KubernetesRig, kubernetesRig } from './rig.ts';

if (!hasCluster) console.warn('SKIPPED: wrong input on a cluster. Set KUBECONFIG and REGISTRY to run it.');

/** What a person types wrong, and what they are told, whole; NS is the namespace. */
interface Wrong {
  what: string;
  typed: string;
  exit: number;
  told: string;
}

const WRONG: Wrong[] = [
  {
    what: 'an unknown workload',
    typed: 'deployment/apy -n NS',
    exit: 2,
    told: `Error: There is no deployment/apy in namespace NS; did you mean "api"? (WORKLOAD_UNKNOWN)
What was seen there: deployment/api.
Production is unchanged.
See what there is: kubectl get deployments --namespace NS
`,
  },
  {
    what: 'an unknown namespace',
    typed: 'deployment/api -n NS-elsewhere',
    exit: 2,
    told: `Error: There is no deployment/api in namespace NS-elsewhere (WORKLOAD_UNKNOWN)
Nothing of its kind was seen there; the namespace may not exist.
Production is unchanged.
See what there is: kubectl get deployments --namespace NS-elsewhere
See the namespaces: kubectl get namespaces
`,
  },
  {
    what: 'an unknown context',
    typed: 'deployment/api -n NS --context nobody',
    exit: 2,
    told: `Error: Unknown context "nobody" (CONTEXT_UNKNOWN)
The kubeconfig has CONTEXT.
See them: kubectl config get-contexts
`,
  },
  {
    what: 'an unknown version',
    typed: 'deployment/api -n NS --version v9.9.9',
    exit: 2,
    told: `Target: kubernetes/NS/deployment/api, 1 pod
Error: Version v9.9.9 of api was never deployed here (UNKNOWN_VERSION)
Known versions, newest first: v2.14.4, v2.14.3.
Production is unchanged.
See what could be gone back to: rollback-deploy-auto releases deployment/api -n NS
`,
  },
  {
    what: 'a kind that cannot be rolled back',
    typed: 'cronjob/api -n NS',
    exit: 2,
    told: `Error: Unknown kind of workload "cronjob" (WORKLOAD_KIND_UNKNOWN)
Kinds are: deployment, statefulset, daemonset, rollout.
Name a workload as KIND/NAME, e.g.: rollback-deploy-auto deployment/api
`,
  },
  {
    what: 'a kubeconfig that is not there',
    typed: 'deployment/api -n NS --kubeconfig /nowhere/config',
    exit: 2,
    told: `Error: There is no such kubeconfig (KUBECONFIG_NOT_FOUND)
There is no file /nowhere/config.
Set KUBECONFIG (or --kubeconfig) to a file that "kubectl config view" reads too.
`,
  },
  {
    what: 'a workload and a service that is not configured',
    typed: 'deployment/api -n NS --service storefront',
    exit: 2,
    told: `Error: No service "storefront" with deployment/api is configured (SERVICE_UNKNOWN)
There is no configuration here.
Leave out --service storefront, or the workload.
`,
  },
  {
    what: 'a kind without a name',
    typed: 'deployment -n NS',
    exit: 2,
    told: `Error: The deployment is not named (WORKLOAD_INVALID)
Names have lower-case letters, digits, "-" and ".".
See what there is: kubectl get deployments
`,
  },
];

describe.skipIf(!hasCluster)('wrong input', () => {
  let rig: KubernetesRig;
  let folder: string;
  let context: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bad-input-'));
    rig = await kubernetesRig({ replicas: 1 });
    context = (await rig.kubectl(['config', 'current-context'])).stdout.trim();
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await rig?.dispose();
  });

  async function typed(words: string, env: Record<string, string> = {}) {
    const all = words.replaceAll('NS', rig.namespace).split(' ');
    const version = words.includes('--version') ? [] : ['--version', 'v2.14.3'];
    const { exit, stdout, stderr } = await rig.rda([...all, ...version, '--yes', '--monitor', '0'], { env });
    return {
      exit,
      stdout,
      told: stderr.replaceAll(rig.namespace, 'NS').replaceAll(context, 'CONTEXT'),
    };
  }
  /** A copy of the kubeconfig, changed by kubectl. */
  async function kubeconfig(name: string, ...change: string[]): Promise<string> {
    const path = join(folder, name);
    const { stdout } = await rig.kubectl(['config', 'view', '--raw', '--minify', '--flatten']);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(path, stdout, { mode: 0o600 });
    await rig.kubectl(['--kubeconfig', path, 'config', ...change]);
    return path;
  }

  test.each(WRONG)('$what', async ({ typed: words, exit, told }) => {
    expect(await typed(words)).toEqual({ exit, stdout: '', told });
  });

  test('a cluster that does not answer', async () => {
    const cluster = (
      await rig.kubectl(['config', 'view', '--minify', '--output', 'jsonpath={.clusters[0].name}'])
    ).stdout;
    const path = await kubeconfig('dead', 'set-cluster', cluster, '--server', 'https://127.0.0.1:1');
    expect(await typed('deployment/api -n NS', { KUBECONFIG: path })).toEqual({
      exit: 1,
      stdout: '',
      told: `Error: The cluster does not answer (KUBERNETES_UNREACHABLE)
https://127.0.0.1:1 does not answer (connect ECONNREFUSED 127.0.0.1:1).
Production is unchanged.
See whether it answers kubectl: kubectl get --raw /readyz
`,
    });
  });

  test('rights that are missing', async () => {
    const user = await rig.limitedUser(`apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get, list, watch] }]
`);
    expect(await typed('deployment/api -n NS', { KUBECONFIG: user.kubeconfig })).toEqual({
      exit: 1,
      stdout: '',
      told: `Error: Kubernetes did not give namespaces/NS/configmaps (KUBERNETES_FORBIDDEN)
configmaps is forbidden: User "system:serviceaccount:NS:limited" cannot list resource "configmaps" in API group "" in the namespace "NS".
Production is unchanged.
Give the rights it needs: rollback-deploy-auto init --rbac -n NS | kubectl apply -f -
`,
    });
  });

  test('a run that is in progress, and commands that are told work as they are told', async () => {
    const words = [rig.target, '-n', rig.namespace, '--version', 'v2.14.3', '--yes', '--monitor', '0'];
    const first = await rig.startRda(words);
    await until(() => /start-pods:\S+ started/.test(first.stderr()) || first.child.exitCode !== null, 5);
    const { exit, stdout, told } = await typed('deployment/api -n NS');
    expect({ exit, stdout }).toEqual({ exit: 4, stdout: '' });
    expect(
      told
        .replaceAll(/r-\d{8}-\d{6}-\w{4}/g, 'RUN')
        .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
        .replace(/by \S+ \(process \d+\)/, 'by WHO'),
    ).toBe(`Error: Run RUN is in progress (LEASE_HELD)
It takes api from v2.14.4 to v2.14.3, started by WHO at TIME, last heartbeat TIME.
This command changed nothing.
Watch it: rollback-deploy-auto status deployment/api -n NS
Stop it: rollback-deploy-auto abort deployment/api -n NS RUN
`);
    const commands = [...told.matchAll(/: rollback-deploy-auto (.*)$/gm)].map(([, command = '']) => command);
    expect(commands).toHaveLength(2);
    const [watch = '', stop = ''] = commands.map((command) => command.replaceAll('NS', rig.namespace));
    expect(await rig.rda(watch.split(' '))).toMatchObject({ exit: 0 });
    expect(await rig.rda(stop.split(' '))).toMatchObject({ exit: 0 });
    await first.ended;
  });
});
