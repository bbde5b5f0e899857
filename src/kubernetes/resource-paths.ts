/** API paths by resource name (plural, lower case), e.g. `pathOf('deployments', 'shop', 'api')`. */
const GROUPS: Record<string, string> = {
  pods: '/api/v1',
  services: '/api/v1',
  endpoints: '/api/v1',
  configmaps: '/api/v1',
  secrets: '/api/v1',
  events: '/api/v1',
  serviceaccounts: '/api/v1',
  resourcequotas: '/api/v1',
  limitranges: '/api/v1',
  persistentvolumeclaims: '/api/v1',
  namespaces: '/api/v1',
  nodes: '/api/v1',
  deployments: '/apis/apps/v1',
  statefulsets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  controllerrevisions: '/apis/apps/v1',
  endpointslices: '/apis/discovery.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
  horizontalpodautoscalers: '/apis/autoscaling/v2',
  poddisruptionbudgets: '/apis/policy/v1',
  selfsubjectaccessreviews: '/apis/authorization.k8s.io/v1',
  httproutes: '/apis/gateway.networking.k8s.io/v1',
  rollouts: '/apis/argoproj.io/v1alpha1',
  scaledobjects: '/apis/keda.sh/v1alpha1',
};

/** @throws TypeError for a resource that is not in the table above: a mistake in the code. */
export function pathOf(resource: string, namespace?: string, name?: string, subresource?: string): string {
  const group = GROUPS[resource];
  if (group === undefined) throw new TypeError(`No API path is known for ${resource}.`);
  const parts = [group];
  if (namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

/** API group of a resource, e.g. `apps`; empty for the core group. */
export function groupOf(resource: string): string {
  const group = GROUPS[resource];
  if (group === undefined) throw new TypeError(`No API group is known for ${resource}.`);
  return /^\/apis\/([^/]+)/.exec(group)?.[1] ?? '';
}

/** Escapes one part of a JSON Pointer (RFC 6901), e.g. an annotation's key. */
export function pointerPart(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
