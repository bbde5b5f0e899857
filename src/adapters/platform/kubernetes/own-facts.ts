import type { PodTemplate } from '../../../kubernetes/objects.ts';
import type { SplitRoute } from './canary/weights.ts';
import type { Mode } from './mode.ts';
import type { ReconcilerName } from './owners/owner.ts';

/** What this platform needs to expand moves, kept in `PlatformFacts.own`. */
export interface OwnFacts {
  workloads: OwnWorkload[];
  /** Those that would put the newer release back, and are suspended for the run's time. */
  reconcilers?: ReconcilerName[];
  /** Why, for those who find them suspended. */
  reason?: string;
  /** The Deployment beside them that takes part of the traffic. */
  canary?: OwnCanary;
  /** Two Deployments, one of which gets the traffic; they are moved as one then. */
  pair?: OwnPair;
}

export interface OwnWorkload {
  /** E.g. `deployment/api`. */
  workload: string;
  /** Its slots are 1 to `replicas`. */
  replicas: number;
  /** Revision that its template makes now; undefined while the controller has not taken it up. */
  current: string | undefined;
  /** By their ids. */
  revisions: Record<string, { id: string; template: PodTemplate }>;
  hasServices: boolean;
  /** How its pods are replaced. */
  mode: Mode;
  /** Whether anything of a run is on it, its Services or its pods. */
  marked: boolean;
  /** Mode `followed`: pods that its controller starts before they are promoted; 0 where the steps of its strategy decide. */
  startsFirst?: number | undefined;
  /** Mode `delete`: where the pods of its slots are, from the first on; null where that is not known. */
  places?: (string | null)[] | undefined;
}

/** What this platform needs to move a canary, kept in `OwnFacts.canary`. */
export interface OwnCanary {
  /** E.g. `deployment/api-canary`. */
  workload: string;
  /** Its pods are in the slots above this one: those of the stable workloads. */
  offset: number;
  /** Pods that it is asked for. */
  replicas: number;
  /** Revision that its template makes. */
  current: string;
  /** Its revision of each release, by release id. */
  revisions: Record<string, string>;
  /** HTTPRoutes whose weights give it its share, with these weights; none where its count of pods does. */
  routes: SplitRoute[];
  /** Whether it, or one of the routes, bears the marks of a run. */
  held: boolean;
}

/** What this platform needs to move a pair, kept in `OwnFacts.pair`. */
export interface OwnPair {
  key: string;
  /** E.g. `deployment/api-blue`. */
  live: string;
  idle: string;
  /** Value of the label, by workload. */
  values: Record<string, string>;
  /** Pods that each is asked for, by workload. */
  replicas: Record<string, number>;
  releases: Record<string, OwnPairRelease>;
}

export interface OwnPairRelease {
  /** Without the label that tells the two apart. */
  template: PodTemplate;
  /** Its revision in a workload that has had it, by workload. */
  revisions: Record<string, string>;
  /** Workloads that have pods of it. */
  alive: string[];
  /** Whether the template of the one that gets the traffic makes it. */
  isLive: boolean;
}

export function ownFacts({ own }: { own?: unknown }): OwnFacts {
  if (own === undefined) throw new TypeError('The facts are not of this platform.');
  return own as OwnFacts;
}
