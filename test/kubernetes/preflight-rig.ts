import { clusterState } from '../../src/adapters/platform/kubernetes/cluster-state.ts';
import type { PreflightInput } from '../../src/adapters/platform/kubernetes/preflight/input.ts';
import { preflight, type Verdict } from '../../src/adapters/platform/kubernetes/preflight.ts';
import { parseWorkload, type WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import { neededRights } from '../../src/kubernetes/rights.ts';
import type { Finding } from '../../src/model/finding.ts';
import type { Manifest } from './manifests.ts';
import { type TestNamespace, until } from './namespace.ts';
import { runProcess } from './run-process.ts';

/** A namespace is not there for its pods' sake here: nothing pulls this image. */
export const NO_IMAGE = 'rda.invalid/none:1';

export interface Asking {
  workload?: string;
  platform?: Partial<PreflightInput['platform']>;
  cluster?: Cluster;
  more?: Partial<PreflightInput>;
}

/** A Deployment and a Service `api` that the preflight is asked about. */
export function deployment(
  parts: { replicas?: number; spec?: object; podSpec?: object; meta?: object } = {},
): Manifest {
  const { replicas = 1, spec = {}, podSpec = {}, meta = {} } = parts;
  const labels = { app: 'api' };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'api', ...meta },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'app', image: NO_IMAGE }], ...podSpec },
      },
      ...spec,
    },
  };
}

/** Waits until the workload's controller has made its pods, as far as it may. */
export async function made(namespace: TestNamespace, pods: number): Promise<void> {
  await until(async () => (await namespace.list('pods')).length >= pods);
}

export async function viewsOf(
  cluster: Cluster,
  namespace: string,
  workload: string,
): Promise<WorkloadView[]> {
  const state = clusterState(cluster, namespace, [parseWorkload(workload)]);
  try {
    return await state.views(AbortSignal.timeout(20_000));
  } finally {
    state.close();
  }
}

/** The whole preflight of one workload, with a harmless patch and its own template as the target. */
export async function ask(namespace: TestNamespace, asking: Asking = {}): Promise<Finding[]> {
  return (await verdictOf(namespace, asking)).findings;
}

export async function verdictOf(namespace: TestNamespace, asking: Asking = {}): Promise<Verdict> {
  const { workload = 'deployment/api', platform = {} } = asking;
  const admin = await connect();
  const { kind, name } = parseWorkload(workload);
  const views = await viewsOf(admin, namespace.name, workload);
  return preflight({
    cluster: asking.cluster ?? admin,
    namespace: namespace.name,
    views,
    platform: { singleton: false, reconciler: 'suspend', batch: 1, drainTimeout: 30, ...platform },
    targets: views.map(({ workload: of, object }) => ({
      workload: of,
      template: object.spec.template,
      hash: 'abc',
    })),
    needs: neededRights({ kinds: [kind] }),
    patches: [
      { resource: `${kind}s`, name, operations: [{ op: 'add', path: '/spec/minReadySeconds', value: 3 }] },
    ],
    signal: AbortSignal.timeout(60_000),
    ...asking.more,
  });
}

/** The cluster as whoever the kubeconfig says. */
export async function connectWith(kubeconfig: string, namespace: string): Promise<Cluster> {
  const before = process.env.KUBECONFIG;
  process.env.KUBECONFIG = kubeconfig;
  try {
    return await connect({ namespace });
  } finally {
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  }
}

/** Applies a cluster-wide object; returns what deletes it. */
export async function applyForAll(object: Manifest): Promise<() => Promise<void>> {
  await runProcess('kubectl', ['apply', '--filename', '-'], { input: JSON.stringify(object) });
  return async () => {
    await runProcess('kubectl', ['delete', object.kind, object.metadata.name, '--ignore-not-found']);
  };
}

/** The findings of a check, or of a status, as `status: title` with the evidence behind it. */
export function said(findings: Finding[], check: string): string[] {
  return findings
    .filter((finding) => finding.check === check)
    .map(
      ({ status, blocking, title, evidence }) =>
        `${status}${blocking ? '!' : ''} ${title} | ${evidence.join(' ')}`,
    );
}
