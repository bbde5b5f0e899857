/**
 * The parts of Kubernetes objects that are read here, as the API's JSON has them (Kubernetes API reference, v1.34).
 * What is put back is always the whole object part as it was read, so fields not named here are never lost.
 */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  /** RFC 3339. */
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
  managedFields?: { manager: string; operation: string; subresource?: string; fieldsV1?: unknown }[];
  finalizers?: string[];
}

export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMeta;
}

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

export interface Probe {
  httpGet?: {
    path?: string;
    port: number | string;
    scheme?: string;
    httpHeaders?: { name: string; value: string }[];
  };
  [field: string]: unknown;
}

export interface Container {
  name: string;
  image: string;
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  startupProbe?: Probe;
  env?: { name: string; value?: string; valueFrom?: { configMapKeyRef?: KeyRef; secretKeyRef?: KeyRef } }[];
  envFrom?: { configMapRef?: NameRef; secretRef?: NameRef; prefix?: string }[];
  [field: string]: unknown;
}

interface NameRef {
  name: string;
  optional?: boolean;
}
interface KeyRef extends NameRef {
  key: string;
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  serviceAccountName?: string;
  imagePullSecrets?: { name: string }[];
  terminationGracePeriodSeconds?: number;
  nodeName?: string;
  hostNetwork?: boolean;
  volumes?: {
    name: string;
    configMap?: { name: string; optional?: boolean };
    secret?: { secretName: string; optional?: boolean };
    projected?: { sources?: { configMap?: NameRef; secret?: NameRef }[] };
    persistentVolumeClaim?: { claimName: string };
    [field: string]: unknown;
  }[];
  [field: string]: unknown;
}

export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpec;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: { reason?: string; message?: string; exitCode: number; signal?: number; finishedAt?: string };
}

export interface ContainerStatus {
  name: string;
  image: string;
  /** E.g. `registry.example.com/api@sha256:...`; empty before the image was pulled. */
  imageID: string;
  ready: boolean;
  restartCount: number;
  state?: ContainerState;
  lastState?: ContainerState;
}

export interface Pod extends KubernetesObject {
  spec: PodSpec;
  status: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
    podIP?: string;
    startTime?: string;
    reason?: string;
    message?: string;
    conditions?: Condition[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: {
    key: string;
    operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    values?: string[];
  }[];
}

export interface DeploymentStrategy {
  type?: 'RollingUpdate' | 'Recreate';
  rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
}

export interface Deployment extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplate;
    strategy?: DeploymentStrategy;
    minReadySeconds?: number;
    progressDeadlineSeconds?: number;
    revisionHistoryLimit?: number;
    paused?: boolean;
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: Condition[];
  };
}

export interface ReplicaSet extends KubernetesObject {
  spec: { replicas?: number; selector: LabelSelector; template: PodTemplate; minReadySeconds?: number };
  status?: { replicas?: number; readyReplicas?: number; availableReplicas?: number };
}

export interface StatefulSet extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplate;
    serviceName?: string;
    ordinals?: { start?: number };
    podManagementPolicy?: string;
    updateStrategy?: {
      type?: 'RollingUpdate' | 'OnDelete';
      rollingUpdate?: { partition?: number; maxUnavailable?: number | string };
    };
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
    volumeClaimTemplates?: unknown[];
  };
  status?: {
    observedGeneration?: number;
    currentRevision?: string;
    updateRevision?: string;
    replicas?: number;
    readyReplicas?: number;
  };
}

export interface DaemonSet extends KubernetesObject {
  spec: {
    selector: LabelSelector;
    template: PodTemplate;
    updateStrategy?: {
      type?: 'RollingUpdate' | 'OnDelete';
      rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
    };
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
  };
  status?: { observedGeneration?: number; desiredNumberScheduled?: number; numberReady?: number };
}

/** Argo Rollouts API, `argoproj.io/v1alpha1`. What its controller copies from elsewhere is not named. */
export interface Rollout extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: LabelSelector;
    template: PodTemplate;
    /** Where the template is somebody else's; there is none here then. */
    workloadRef?: { apiVersion?: string; kind?: string; name?: string };
    strategy: {
      canary?: {
        steps?: object[];
        stableService?: string;
        canaryService?: string;
        trafficRouting?: object;
      };
      blueGreen?: { activeService: string; previewService?: string; previewReplicaCount?: number };
    };
    minReadySeconds?: number;
    revisionHistoryLimit?: number;
    paused?: boolean;
  };
  status?: {
    /** A number as text. */
    observedGeneration?: string;
    /** Hash of the template that is being rolled out, and of the one that was promoted last. */
    currentPodHash?: string;
    stableRS?: string;
    abort?: boolean;
    abortedAt?: string;
    promoteFull?: boolean;
    phase?: string;
    message?: string;
    blueGreen?: { activeSelector?: string; previewSelector?: string };
    /** What a router was told, in percent unless the strategy says otherwise. */
    canary?: { weights?: { canary?: { weight?: number } } };
    conditions?: Condition[];
  };
}

export interface ControllerRevision extends KubernetesObject {
  revision: number;
  /** For StatefulSets and DaemonSets: a patch with the whole pod template under `spec.template`. */
  data: { spec: { template: PodTemplate & { $patch?: string } } };
}

export interface Service extends KubernetesObject {
  spec: {
    type?: string;
    selector?: Record<string, string>;
    clusterIP?: string;
    publishNotReadyAddresses?: boolean;
    ports?: {
      name?: string;
      port: number;
      targetPort?: number | string;
      nodePort?: number;
      protocol?: string;
    }[];
  };
}

export interface EndpointSlice extends KubernetesObject {
  endpoints:
    | {
        addresses: string[];
        conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
        targetRef?: { kind?: string; name?: string; uid?: string };
      }[]
    | null;
  ports?: { name?: string; port?: number }[] | null;
}
