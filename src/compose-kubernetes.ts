import { resolve } from 'node:path';
import type { Adapters } from './adapters/adapters.ts';
import type { SeenRevision } from './adapters/platform/kubernetes/release-of.ts';
import type { WorkloadView } from './adapters/platform/kubernetes/view.ts';
import type { StateStore } from './adapters/store/store.ts';
import type { KubernetesServiceConfiguration } from './config/schema.ts';
import type { ClusterChoice } from './config/workload-configuration.ts';
import type { Cluster } from './kubernetes/cluster.ts';
import type { Clock } from './model/clock.ts';

export interface KubernetesAdaptersInput {
  serviceName: string;
  configuration: KubernetesServiceConfiguration;
  /** Where relative paths of the configuration start, absolute. */
  configFolder: string;
  clock: Clock;
}

/** Where the workloads of a service are. */
export interface KubernetesPlace {
  cluster: Cluster;
  namespace: string;
  /** The workloads as the cluster shows them now. @throws RollbackError `WORKLOAD_UNKNOWN`, `PLATFORM_UNREACHABLE` */
  views(signal: AbortSignal): Promise<WorkloadView[]>;
}

/** What was recorded of revisions changes seldom; facts are asked for twice a second, ms. */
const SEEN_MS = 5_000;

/**
 * The adapters of a service whose workloads run in a Kubernetes cluster. State is kept in the cluster, too.
 * @throws RollbackError `KUBECONFIG_NOT_FOUND`, `KUBECONFIG_INVALID`, `CONTEXT_UNKNOWN` (exit 2); nothing is sent yet
 */
export async function kubernetesAdapters(
  input: KubernetesAdaptersInput,
): Promise<{ adapters: Omit<Adapters, 'database' | 'migrations'>; kubernetes: KubernetesPlace }> {
  const { serviceName, configuration, configFolder, clock } = input;
  const { platform } = configuration;
  const [
    { platforms },
    { registries },
    { configurationSources },
    { healthProbes },
    { podGate },
    { clusterState },
    { liveViews },
    { parseWorkload },
    { workloadCredentials },
  ] = await Promise.all([
    import('./adapters/platform/index.ts'),
    import('./adapters/registry/index.ts'),
    import('./adapters/configuration/index.ts'),
    import('./adapters/health/index.ts'),
    import('./adapters/health/kubernetes.ts'),
    import('./adapters/platform/kubernetes/cluster-state.ts'),
    import('./adapters/platform/kubernetes/pair/pair-state.ts'),
    import('./adapters/platform/kubernetes/view.ts'),
    import('./compose-credentials.ts'),
  ]);
  const { cluster, store } = await openClusterStore(platform, clock);
  const { namespace } = cluster;
  const state = clusterState(cluster, namespace, platform.workloads.map(parseWorkload));
  const views = (signal: AbortSignal) => liveViews(state, signal);
  const site = { cluster, namespace, configuration };
  return {
    adapters: {
      platform: platforms.kubernetes({
        service: serviceName,
        configuration: { platform: { ...platform, clone: resolve(configFolder, platform.clone) } },
        state,
        clock,
        gate: (pod, signal) => podGate(site, pod, signal),
        seen: seenRevisions(input, store, views),
        snapshots: async (signal) => {
          const { readSnapshots } = await import(
            './adapters/platform/kubernetes/configuration/release-snapshot.ts'
          );
          signal.throwIfAborted();
          return readSnapshots(store, serviceName);
        },
      }),
      registry: registries[configuration.registry.kind]({
        ...input,
        credentials: workloadCredentials(cluster, namespace, views),
      }),
      configuration: configurationSources.kubernetes({
        cluster: async () => cluster,
        namespace,
        templates: async (signal) =>
          (await views(signal)).flatMap(({ revisions }) => revisions.map(({ template }) => template)),
      }),
      health: healthProbes.kubernetes({
        ...site,
        look: async (signal) =>
          (await views(signal)).map(({ workload, object, services, pods }) => ({
            workload: `${workload.kind}/${workload.name}`,
            template: object.spec.template,
            services,
            pods,
          })),
      }),
      metrics: await metricsOf(input, cluster, views),
      store,
    },
    kubernetes: { cluster, namespace, views },
  };
}

/** The cluster and the state that is kept in a namespace of it. @throws RollbackError as `connect` does */
export async function openClusterStore(
  { context, namespace }: ClusterChoice,
  clock: Clock,
): Promise<{ cluster: Cluster; store: StateStore }> {
  const [{ connect }, { stores }] = await Promise.all([
    import('./kubernetes/connect.ts'),
    import('./adapters/store/index.ts'),
  ]);
  const cluster = await connect({ context, namespace });
  return { cluster, store: stores.kubernetes({ cluster, namespace: cluster.namespace, clock }) };
}

type Views = KubernetesPlace['views'];

async function metricsOf(
  { configuration, configFolder }: KubernetesAdaptersInput,
  cluster: Cluster,
  views: Views,
): Promise<Adapters['metrics']> {
  const [{ metricsProviders }, { revisionOfPod }, { probePaths }] = await Promise.all([
    import('./adapters/metrics/index.ts'),
    import('./adapters/platform/kubernetes/read-view.ts'),
    import('./adapters/health/kubernetes-endpoint.ts'),
  ]);
  const { metrics, platform, health } = configuration;
  const named = platform.workloads.every((workload) => workload.startsWith('deployment/'));
  return metricsProviders.prometheus({
    url: metrics?.url,
    tokenFile: metrics?.tokenFile && resolve(configFolder, metrics.tokenFile),
    requests: metrics?.requests,
    latency: metrics?.latency,
    ownPaths: async (signal) => [
      ...new Set([
        health.path ?? '/healthz',
        '/metrics',
        ...probePaths((await views(signal)).map(({ object }) => object.spec.template)),
      ]),
    ],
    cluster,
    namespace: cluster.namespace,
    workloads: platform.workloads.map((workload) => workload.split('/')[1] as string),
    // Only a Deployment's pods have their release in their name.
    ...(named
      ? {}
      : {
          podsOf: async (release: string, signal: AbortSignal) =>
            (await views(signal))
              .flatMap(({ pods }) => pods.filter((pod) => revisionOfPod(pod) === release))
              .map(({ metadata }) => metadata.name.replaceAll('.', '\\.'))
              .join('|'),
        }),
  });
}

/** What `snapshot` recorded of the revisions of the first workload. */
function seenRevisions(
  { serviceName, configuration, clock }: KubernetesAdaptersInput,
  store: StateStore,
  views: Views,
): (signal: AbortSignal) => Promise<Record<string, SeenRevision>> {
  const { restoreSecrets } = configuration.platform;
  let known: { at: number; seen: Record<string, SeenRevision> } | undefined;
  return async (signal) => {
    if (known && clock.monotonic() - known.at < SEEN_MS) return known.seen;
    const { configurationOf, readSnapshots } = await import(
      './adapters/platform/kubernetes/configuration/release-snapshot.ts'
    );
    const [[view], snapshots] = await Promise.all([views(signal), readSnapshots(store, serviceName)]);
    const seen: Record<string, SeenRevision> = {};
    for (const { id, template } of view?.revisions ?? []) {
      const snapshot = snapshots[id];
      const image = snapshot?.images[template.spec.containers[0]?.name ?? '']?.[0];
      seen[id] = {
        digest: /sha256:[0-9a-f]{64}/.exec(image ?? '')?.[0],
        availableAt: snapshot?.availableAt,
        configuration: configurationOf({ template, snapshot, restoreSecrets }),
      };
    }
    known = { at: clock.monotonic(), seen };
    return seen;
  };
}
