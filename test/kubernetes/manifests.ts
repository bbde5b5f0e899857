export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet';

/** An object of the API as JSON. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    [more: string]: unknown;
  };
  [more: string]: unknown;
}

export interface WorkloadOptions {
  name: string;
  /** Label `app` of the pods. */
  app: string;
  kind: WorkloadKind;
  replicas: number;
  image: string;
  grace: boolean;
  env: Record<string, string>;
  /** Labels of the pods beside `app`, also selected by. */
  labels: Record<string, string>;
  /** ConfigMap mounted on /etc/app. */
  configMap: string | undefined;
  /** Secret whose key `password` is PASSWORD. */
  secret: string | undefined;
  /** Merged into the workload's spec, e.g. `{ strategy: { type: 'Recreate' } }`. */
  spec: Record<string, unknown>;
  /** Merged into the pod's spec. */
  podSpec: Record<string, unknown>;
}

/** The test application as a workload, with readiness asked for every second. */
export function workloadManifest(options: WorkloadOptions): Manifest {
  const labels = { app: options.app, ...options.labels };
  const { configMap } = options;
  const pod = {
    terminationGracePeriodSeconds: 30,
    containers: [
      {
        name: 'app',
        image: options.image,
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
        env: [
          fieldVariable('POD_NAME', 'metadata.name'),
          fieldVariable('HOST_IP', 'status.hostIP'),
          { name: 'GRACE', value: options.grace ? '1' : '0' },
          ...Object.entries(options.env).map(([name, value]) => ({ name, value })),
          ...(options.secret ? [secretVariable('PASSWORD', options.secret, 'password')] : []),
        ],
        ...(configMap && { volumeMounts: [{ name: 'config', mountPath: '/etc/app' }] }),
      },
    ],
    ...(configMap && { volumes: [{ name: 'config', configMap: { name: configMap } }] }),
    ...options.podSpec,
  };
  return {
    apiVersion: 'apps/v1',
    kind: options.kind,
    metadata: { name: options.name, labels },
    spec: {
      ...(options.kind !== 'DaemonSet' && { replicas: options.replicas }),
      ...(options.kind === 'StatefulSet' && { serviceName: options.name, podManagementPolicy: 'Parallel' }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: pod },
      ...options.spec,
    },
  };
}

/** A Service whose node port the API server chooses. */
export function serviceManifest(name: string, selector: Record<string, string>): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'NodePort', selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  };
}

export function configMapManifest(name: string, data: Record<string, string>): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function secretManifest(name: string, stringData: Record<string, string>): Manifest {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData };
}

function fieldVariable(name: string, fieldPath: string) {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}

function secretVariable(name: string, secret: string, key: string) {
  return { name, valueFrom: { secretKeyRef: { name: secret, key } } };
}
