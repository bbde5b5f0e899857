import type {
  DaemonSet,
  Deployment,
  EndpointSlice,
  Pod,
  PodTemplate,
  Rollout,
  Service,
  StatefulSet,
} from '../../../kubernetes/objects.ts';

export const WORKLOAD_KINDS = ['deployment', 'statefulset', 'daemonset', 'rollout'] as const;
export type WorkloadKind = (typeof WORKLOAD_KINDS)[number];

/** Names a workload in its namespace, e.g. `deployment/api`. */
export interface WorkloadName {
  kind: WorkloadKind;
  name: string;
}

/** A pod template that a workload had once, as the cluster keeps it. */
export interface Revision {
  /** Stable name of its content: `pod-template-hash`, or the `controller-revision-hash`. */
  id: string;
  /** The cluster's own count, e.g. `deployment.kubernetes.io/revision`; it rises when a revision is used again. */
  number: number;
  /** Without `pod-template-hash`: as the workload's own `spec.template` had it. */
  template: PodTemplate;
  /** ISO 8601. */
  createdAt: string;
  changeCause: string | undefined;
  /** Of the ReplicaSet or ControllerRevision that keeps it. */
  object: {
    resource: 'replicasets' | 'controllerrevisions';
    name: string;
    uid: string;
    annotations?: Record<string, string> | undefined;
    /** Its pods are born with the serving label. */
    serving?: boolean;
    minReadySeconds?: number | undefined;
  };
  /** Pods that its ReplicaSet is asked for; undefined for kinds that have none. */
  replicas: number | undefined;
  /** Pods that its ReplicaSet says are available, a while after it was so. */
  available?: number;
}

/** One workload as the cluster shows it at one moment. */
export interface WorkloadView {
  workload: WorkloadName;
  object: Deployment | StatefulSet | DaemonSet | Rollout;
  /** Highest number first; of those that share one, the oldest first. */
  revisions: readonly Revision[];
  /** Id of the revision that equals the workload's `spec.template`; undefined while the controller has not seen it yet. */
  current: string | undefined;
  /** Every pod that the workload's controller owns, also those that are being deleted. */
  pods: readonly Pod[];
  /** Services that select the template's pods, whatever the run added to their selectors. */
  services: readonly Service[];
  /** Of those Services. */
  slices: readonly EndpointSlice[];
}

/** `deployment/api`. */
export function workloadText({ kind, name }: WorkloadName): string {
  return `${kind}/${name}`;
}

/** The API's plural of a kind, e.g. `deployments`. */
export function resourceOf(kind: WorkloadKind): string {
  return `${kind}s`;
}

/** Reads `deployment/api` as the configuration has it, which is checked there. */
export function parseWorkload(text: string): WorkloadName {
  const [kind = '', name = ''] = text.split('/');
  return { kind: kind as WorkloadKind, name };
}
