import type { HttpRoute } from '../../../kubernetes/http-route.ts';
import type {
  ControllerRevision,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Pod,
  ReplicaSet,
  Rollout,
  Service,
  StatefulSet,
} from '../../../kubernetes/objects.ts';

/** Everything of one namespace that a view is made of. */
export interface Collections {
  deployments: readonly Deployment[];
  statefulsets: readonly StatefulSet[];
  daemonsets: readonly DaemonSet[];
  rollouts: readonly Rollout[];
  replicasets: readonly ReplicaSet[];
  controllerrevisions: readonly ControllerRevision[];
  pods: readonly Pod[];
  services: readonly Service[];
  endpointslices: readonly EndpointSlice[];
  /** None where the cluster has no Gateway API, or they may not be read. */
  httproutes: readonly HttpRoute[];
}
