import type { Condition, KubernetesObject } from './objects.ts';

/** The parts of an HTTPRoute that are read here (Gateway API reference, `gateway.networking.k8s.io/v1`). */
export interface HttpRoute extends KubernetesObject {
  spec: {
    parentRefs?: ParentReference[];
    rules?: { backendRefs?: BackendReference[]; [field: string]: unknown }[];
  };
  /** Written by the gateways' controllers, each for the parents that are its own. */
  status?: {
    parents?: {
      parentRef: ParentReference;
      controllerName?: string;
      conditions?: (Condition & { observedGeneration?: number })[];
    }[];
  };
}

export interface ParentReference {
  /** Default `gateway.networking.k8s.io` and `Gateway`. */
  group?: string;
  kind?: string;
  /** Default: the route's. */
  namespace?: string;
  name: string;
  sectionName?: string;
  port?: number;
}

export interface BackendReference {
  /** Default: the core group and `Service`. */
  group?: string;
  kind?: string;
  /** Default: the route's. */
  namespace?: string;
  name: string;
  port?: number;
  /** Share of the sum of the rule's weights. Default 1. */
  weight?: number;
  [field: string]: unknown;
}
