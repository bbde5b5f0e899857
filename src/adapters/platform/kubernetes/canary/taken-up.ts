import type { HttpRoute, ParentReference } from '../../../../kubernetes/http-route.ts';

/**
 * Whether the gateways have an HTTPRoute as it is now. `reported`: the controller of every parent says that it has looked
 * at this generation (Gateway API, "RouteParentStatus"). `stale`: one of them speaks of an older one. `unknown`: a parent
 * of which nobody reports anything. Pure.
 */
export function takenUp({ metadata, spec, status }: HttpRoute): 'reported' | 'stale' | 'unknown' {
  const { generation = 0, namespace } = metadata;
  const reports = (spec.parentRefs ?? []).map((parent) =>
    (status?.parents ?? []).filter(({ parentRef }) => isSame(parentRef, parent, namespace)),
  );
  const stale = reports.flat().some(({ conditions = [] }) => {
    const accepted = conditions.find(({ type }) => type === 'Accepted');
    return (accepted?.observedGeneration ?? 0) < generation;
  });
  if (stale) return 'stale';
  return reports.length === 0 || reports.some((of) => of.length === 0) ? 'unknown' : 'reported';
}

function isSame(a: ParentReference, b: ParentReference, own: string | undefined): boolean {
  return textOf(a, own) === textOf(b, own);
}

function textOf(parent: ParentReference, own: string | undefined): string {
  const { group = 'gateway.networking.k8s.io', kind = 'Gateway', namespace = own } = parent;
  return [group, kind, namespace, parent.name, parent.sectionName ?? '', parent.port ?? ''].join('/');
}
