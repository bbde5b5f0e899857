/** What of a service's configuration the platform needs; times are seconds. */
export interface KubernetesSettings {
  workloads: string[];
  canary?: string | undefined;
  together: boolean;
  batch: number;
  singleton: boolean;
  startTimeout: number;
  drainTimeout: number;
  proxySync: number;
  longestRequest: number;
  keepWarm: number;
  reconciler: 'suspend' | 'git-revert' | 'refuse';
  /** Folder of a clone of the repository that the reconciler applies, absolute. */
  clone: string;
  restoreSecrets: string[];
}
