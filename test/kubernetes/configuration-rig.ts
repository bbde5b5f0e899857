import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import type { WorkloadView } from '../../src/adapters/platform/kubernetes/view.ts';
import { isNotFound } from '../../src/kubernetes/api-error.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import type { ConfigMap, Secret } from '../../src/kubernetes/configuration-objects.ts';
import { connect } from '../../src/kubernetes/connect.ts';
import type { Deployment, Pod, PodTemplate, ReplicaSet } from '../../src/kubernetes/objects.ts';
import { pathOf } from '../../src/kubernetes/resource-paths.ts';

export const NEVER = new AbortController().signal;
// One signal for all that runs at once in a test.
setMaxListeners(0, NEVER);

/** Answers with the content of the file that the path names. */
export const FILE_SERVER = [
  '/usr/local/bin/node',
  '-e',
  "require('http').createServer((q, r) => r.end(require('fs').readFileSync(q.url))).listen(8080)",
];

/** A namespace of its own on the cluster that KUBECONFIG names. */
export interface ConfigurationRig {
  cluster: Cluster;
  namespace: string;
  configMap(name: string, data: Record<string, string>): Promise<ConfigMap>;
  secret(name: string, values: Record<string, string>): Promise<Secret>;
  remove(resource: 'configmaps' | 'secrets', name: string): Promise<void>;
  all(resource: 'configmaps' | 'secrets'): Promise<(ConfigMap | Secret)[]>;
  /** Creates the Deployment or sets its template, and waits until all of its pods are of that template. */
  roll(name: string, template: PodTemplate, replicas?: number): Promise<WorkloadView>;
  view(name: string): Promise<WorkloadView>;
  /** What a file in the Deployment's first pod says; its container runs `FILE_SERVER`. */
  fileIn(name: string, path: string): Promise<string>;
  /** Has the kubelet look at the Deployment's pods now, and not only within its minute. */
  touch(name: string): Promise<void>;
  /** The cluster as a service account that has only these rights in the namespace. */
  lesser(name: string, rules: object[], folder: string): Promise<Cluster>;
  end(): Promise<void>;
}

export async function configurationRig(): Promise<ConfigurationRig> {
  const cluster = await connect();
  const namespace = `configuration-${randomBytes(4).toString('hex')}`;
  await cluster.create(pathOf('namespaces'), { metadata: { name: namespace } });

  /** Creates it, or sets its content in place. */
  async function put<T>(resource: string, name: string, content: object): Promise<T> {
    try {
      await cluster.get(pathOf(resource, namespace, name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      return cluster.create<T>(pathOf(resource, namespace), { metadata: { name }, ...content });
    }
    const operations = Object.entries(content).map(([field, value]) => ({
      op: 'add' as const,
      path: `/${field}`,
      value,
    }));
    return cluster.patch<T>(pathOf(resource, namespace, name), operations);
  }

  async function view(name: string): Promise<WorkloadView> {
    const object = await cluster.get<Deployment>(pathOf('deployments', namespace, name));
    const sets = await cluster.list<ReplicaSet>(pathOf('replicasets', namespace));
    const own = sets.items.filter(({ metadata }) =>
      metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid),
    );
    const revisions = own.map(({ metadata, spec }) => {
      const { 'pod-template-hash': id = '', ...labels } = spec.template.metadata?.labels ?? {};
      return {
        id,
        number: Number(metadata.annotations?.['deployment.kubernetes.io/revision']),
        template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
        createdAt: metadata.creationTimestamp,
        changeCause: undefined,
        object: { resource: 'replicasets' as const, name: metadata.name, uid: metadata.uid },
        replicas: spec.replicas,
      };
    });
    revisions.sort((a, b) => b.number - a.number);
    const number = Number(object.metadata.annotations?.['deployment.kubernetes.io/revision']);
    const seen = object.status?.observedGeneration === object.metadata.generation;
    const pods = await cluster.list<Pod>(pathOf('pods', namespace), {
      query: { labelSelector: `app=${name}` },
    });
    return {
      workload: { kind: 'deployment', name },
      object,
      revisions,
      current: seen ? revisions.find((one) => one.number === number)?.id : undefined,
      pods: pods.items,
      services: [],
      slices: [],
    };
  }

  return {
    cluster,
    namespace,
    view,
    configMap: (name, data) => put('configmaps', name, { data }),
    secret(name, values) {
      const data = Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
      return put('secrets', name, { data: Object.fromEntries(data) });
    },
    remove: (resource, name) => cluster.delete(pathOf(resource, namespace, name)),
    async all(resource) {
      return (await cluster.list<ConfigMap | Secret>(pathOf(resource, namespace))).items;
    },
    async roll(name, template, replicas = 1) {
      await put('deployments', name, {
        spec: { replicas, selector: { matchLabels: { app: name } }, template, progressDeadlineSeconds: 60 },
      });
      let seen = await view(name);
      const statusOf = ({ object }: WorkloadView) => (object as Deployment).status;
      const settled = (one: WorkloadView) =>
        one.current !== undefined &&
        (statusOf(one)?.updatedReplicas ?? 0) === replicas &&
        (statusOf(one)?.availableReplicas ?? 0) === replicas &&
        one.pods.every(({ metadata }) => metadata.labels?.['pod-template-hash'] === one.current) &&
        one.pods.length === replicas;
      while (!settled(seen)) {
        await wait(200);
        seen = await view(name);
        const stuck = statusOf(seen)?.conditions?.find(({ reason }) => reason === 'ProgressDeadlineExceeded');
        expect(stuck, JSON.stringify(seen.pods.map(({ status }) => status))).toBeUndefined();
      }
      return seen;
    },
    async fileIn(name, path) {
      const [pod] = (await view(name)).pods;
      return cluster.text(`${pathOf('pods', namespace, pod?.metadata.name)}:8080/proxy${path}`);
    },
    async touch(name) {
      for (const { metadata } of (await view(name)).pods) {
        const body = { metadata: { annotations: { touched: randomBytes(4).toString('hex') } } };
        await cluster.mergePatch(pathOf('pods', namespace, metadata.name), body);
      }
    },
    async lesser(name, rules, folder) {
      const { KubeConfig } = await import('@kubernetes/client-node');
      const config = new KubeConfig();
      config.loadFromDefault();
      const metadata = { name };
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      await cluster.create(pathOf('serviceaccounts', namespace), { metadata });
      await cluster.create(`${rbac}/roles`, { metadata, rules });
      await cluster.create(`${rbac}/rolebindings`, {
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      });
      const { status } = await cluster.create<{ status: { token: string } }>(
        pathOf('serviceaccounts', namespace, name, 'token'),
        { spec: { expirationSeconds: 600 } },
      );
      const path = join(folder, `kubeconfig-${name}`);
      config.users = [{ name: config.getCurrentUser()?.name ?? '', token: status.token }];
      await writeFile(path, config.exportConfig());
      const before = process.env.KUBECONFIG;
      process.env.KUBECONFIG = path;
      try {
        return await connect({ namespace });
      } finally {
        process.env.KUBECONFIG = before;
      }
    },
    async end() {
      await cluster.delete(pathOf('namespaces', undefined, namespace));
    },
  };
}
