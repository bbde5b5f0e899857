import { spawn } from 'node:child_process';

export interface Endpoint {
  pod: string;
  ready: boolean;
  terminating: boolean;
}

/** Who got traffic from this moment on. Times are in ms since 1970. */
export interface TrafficMoment {
  atMs: number;
  endpoints: Endpoint[];
}

export interface PodSeen {
  name: string;
  /** Tag of its image. */
  version: string;
  /** When it was first seen, was first seen with a deletion time, and was gone. */
  bornAtMs: number;
  terminatingAtMs?: number;
  goneAtMs?: number;
}

export interface TrafficWatch {
  moments(): TrafficMoment[];
  /** All pods of the workload since the watch began, by name. */
  pods(): PodSeen[];
  /** The first moment from which on only that version is ready and not terminating; undefined where that isn't so. */
  allOnAtMs(version: string): number | undefined;
  /** The first moment from which on no other version is named by the EndpointSlices at all. */
  othersGoneAtMs(version: string): number | undefined;
  /** Fewest endpoints that were ready at a moment. */
  fewestReady(): number;
  stop(): void;
}

interface Slice {
  metadata: { name: string };
  endpoints?: {
    targetRef?: { name: string };
    conditions: { ready?: boolean; serving?: boolean; terminating?: boolean };
  }[];
}

interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { containers: { image: string }[] };
}

/** Watches the EndpointSlices of a Service and the pods with the label `app`, and keeps a history of both. */
export async function watchTraffic(namespace: string, service: string, app = service): Promise<TrafficWatch> {
  const slices = new Map<string, Slice>();
  const moments: TrafficMoment[] = [];
  const pods = new Map<string, PodSeen>();
  const slicePath = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
  const sliceWatch = watchRaw<Slice>(
    `${slicePath}?watch=1&labelSelector=kubernetes.io%2Fservice-name%3D${service}`,
    (type, slice) => {
      if (type === 'DELETED') slices.delete(slice.metadata.name);
      else slices.set(slice.metadata.name, slice);
      const endpoints = [...slices.values()].flatMap((each) => each.endpoints ?? []).map(endpointOf);
      moments.push({ atMs: Date.now(), endpoints });
    },
  );
  const podWatch = watchRaw<Pod>(
    `/api/v1/namespaces/${namespace}/pods?watch=1&labelSelector=app%3D${app}`,
    (type, pod) => {
      const { name, deletionTimestamp } = pod.metadata;
      const version = pod.spec.containers[0]?.image.split(':').at(-1) ?? '';
      const seen = pods.get(name) ?? { name, version, bornAtMs: Date.now() };
      if (deletionTimestamp) seen.terminatingAtMs ??= Date.now();
      if (type === 'DELETED') seen.goneAtMs = Date.now();
      pods.set(name, seen);
    },
  );
  await Promise.all([sliceWatch.begun, podWatch.begun]);

  const versionOf = (endpoint: Endpoint) => pods.get(endpoint.pod)?.version;
  const lastingSince = (holds: (moment: TrafficMoment) => boolean) => {
    const lastOther = moments.findLastIndex((moment) => !holds(moment));
    return moments[lastOther + 1]?.atMs;
  };
  return {
    moments: () => [...moments],
    pods: () => [...pods.values()],
    allOnAtMs: (version) =>
      lastingSince(({ endpoints }) => {
        const serving = endpoints.filter(({ ready, terminating }) => ready && !terminating);
        return serving.length > 0 && serving.every((endpoint) => versionOf(endpoint) === version);
      }),
    othersGoneAtMs: (version) =>
      lastingSince(({ endpoints }) => endpoints.every((endpoint) => versionOf(endpoint) === version)),
    fewestReady: () =>
      Math.min(...moments.map(({ endpoints }) => endpoints.filter(({ ready }) => ready).length)),
    stop() {
      sliceWatch.stop();
      podWatch.stop();
    },
  };
}

function endpointOf(endpoint: NonNullable<Slice['endpoints']>[number]): Endpoint {
  const { ready, terminating } = endpoint.conditions;
  return { pod: endpoint.targetRef?.name ?? '', ready: ready ?? true, terminating: terminating ?? false };
}

/** kubectl passes the lines of a watch on as they come. */
function watchRaw<T>(path: string, onEvent: (type: string, object: T) => void) {
  const child = spawn('kubectl', ['get', '--raw', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let rest = '';
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  const begun = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`kubectl get --raw ${path} ended with ${code}: ${errors}`)),
    );
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { type, object } = JSON.parse(line) as { type: string; object: T };
        onEvent(type, object);
      }
      resolve();
    });
  });
  // After it has begun its end is nobody's business.
  begun.catch(() => {});
  return { begun, stop: () => child.kill('SIGTERM') };
}
