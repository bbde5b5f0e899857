import type { KubernetesObject } from '../../../../kubernetes/objects.ts';

/** An object of Argo CD or Flux that makes the cluster what git says. */
export interface ReconcilerName {
  kind: 'argo-cd' | 'flux-kustomization' | 'flux-helm-release';
  namespace: string;
  name: string;
}

/** Somebody besides the user who writes a workload. */
export type Owner = {
  /** E.g. `deployment/api`. */
  workload: string;
  /** What showed it, a sentence. */
  evidence: string;
} & (
  | { kind: 'operator'; owner: { apiVersion: string; kind: string; name: string } }
  | { kind: 'helm'; release: string; namespace: string; newest: HelmRelease | undefined }
  /** `namespace` of Argo CD's application is undefined where it is only known by name. */
  | { kind: 'reconciler'; reconciler: Omit<ReconcilerName, 'namespace'> & { namespace: string | undefined } }
  | { kind: 'hpa' | 'keda'; name: string; min: number | undefined; max: number | undefined }
  /** `declares`: it wrote by server-side apply, as tools do that write the same again. */
  | { kind: 'field-manager'; manager: string; declares: boolean; fields: ('template' | 'replicas')[] }
);

/** The newest revision of a Helm release, from its own record. */
export interface HelmRelease {
  revision: number;
  /** E.g. `deployed`, `failed`, `pending-upgrade`. */
  status: string;
  /** E.g. `api-1.4.2`; undefined where the record could not be decoded. */
  chart: string | undefined;
}

/** Kind and name of what a scaler scales. */
interface ScaleTarget {
  kind?: string;
  name: string;
}

/** HorizontalPodAutoscaler (`autoscaling/v2`). */
export interface Autoscaler extends KubernetesObject {
  spec: { scaleTargetRef: ScaleTarget; minReplicas?: number; maxReplicas: number };
}

/** KEDA's ScaledObject (`keda.sh/v1alpha1`). */
export interface ScaledObject extends KubernetesObject {
  spec: { scaleTargetRef: ScaleTarget; minReplicaCount?: number; maxReplicaCount?: number };
}

/** What is looked at besides the workloads themselves. */
export interface OtherObjects {
  autoscalers: Autoscaler[];
  scaledObjects: ScaledObject[];
  /** Newest record by `NAMESPACE/RELEASE`. */
  helmReleases: Map<string, HelmRelease>;
}

/** E.g. `Argo CD application shop`. */
export function reconcilerText({ kind, name }: Pick<ReconcilerName, 'kind' | 'name'>): string {
  const words = {
    'argo-cd': 'Argo CD application',
    'flux-kustomization': 'Flux Kustomization',
    'flux-helm-release': 'Flux HelmRelease',
  };
  return `${words[kind]} ${name}`;
}
