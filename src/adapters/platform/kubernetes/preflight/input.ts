import type { Cluster, PatchOperation } from '../../../../kubernetes/cluster.ts';
import type { PodTemplate } from '../../../../kubernetes/objects.ts';
import type { NeededRight } from '../../../../kubernetes/rights.ts';
import type { WorkloadName, WorkloadView } from '../view.ts';

/** The template that a workload is to get. */
export interface TargetTemplate {
  workload: WorkloadName;
  template: PodTemplate;
  /** `pod-template-hash` of the revision; undefined for kinds that have none. */
  hash?: string | undefined;
}

/** A change that the plan would make, as it would be sent. */
export interface PlannedPatch {
  /** E.g. `deployments`. */
  resource: string;
  name: string;
  operations: PatchOperation[];
}

export interface PreflightInput {
  cluster: Cluster;
  namespace: string;
  views: WorkloadView[];
  platform: {
    singleton: boolean;
    reconciler: 'suspend' | 'git-revert' | 'refuse';
    /** Pods that are started at once beside those that run. */
    batch: number;
    /** Longest wait for the connections of a pod, s. */
    drainTimeout: number;
  };
  /** Of the workloads whose target is known. */
  targets: TargetTemplate[];
  needs: NeededRight[];
  patches: PlannedPatch[];
  signal: AbortSignal;
}
