import { groupOf } from './resource-paths.ts';
import { DEFAULT_FEATURES, FEATURES, type RightFeature } from './right-features.ts';

type WorkloadKind = 'deployment' | 'statefulset' | 'daemonset' | 'rollout';

/** One verb on one resource, as an access review asks it (Kubernetes API, `authorization.k8s.io/v1`). */
export interface NeededRight {
  feature: RightFeature;
  /** Whether a rollback goes on without it. */
  optional: boolean;
  group: string;
  /** With its subresource, e.g. `pods/exec`. */
  resource: string;
  verb: string;
  /** Of the one object, where only that is needed. */
  name?: string | undefined;
  /** What is not done or not known without it, a sentence. */
  without: string;
}

/** What only workloads of these kinds need, besides the right to be moved. */
const OF_KINDS: Partial<Record<RightFeature, readonly WorkloadKind[]>> = {
  revisions: ['deployment'],
  'controller-revisions': ['statefulset', 'daemonset'],
};

/** API groups of what is not Kubernetes' own and has no path in `resource-paths.ts`. */
const FOREIGN_GROUPS: Record<string, string> = {
  applications: 'argoproj.io',
  kustomizations: 'kustomize.toolkit.fluxcd.io',
  helmreleases: 'helm.toolkit.fluxcd.io',
  gitrepositories: 'source.toolkit.fluxcd.io',
};

/** Verbs that the API can restrict to objects by name; a list shows all of them anyway. */
export const NAMED_VERBS = ['patch', 'update', 'delete'];

/**
 * The rights that a plan needs, a verb each.
 * @param features default: `DEFAULT_FEATURES` with what those workload kinds need that `kinds` has
 * @param names objects that are changed, by resource; without an entry the verb is asked for the whole namespace
 */
export function neededRights(parts: {
  kinds: readonly WorkloadKind[];
  features?: readonly RightFeature[] | undefined;
  names?: Record<string, string[]> | undefined;
}): NeededRight[] {
  const moved = new Set(
    parts.kinds.map((kind): RightFeature => (kind === 'rollout' ? 'argo-rollouts' : `${kind}s`)),
  );
  const kindFeatures: RightFeature[] = ['deployments', 'statefulsets', 'daemonsets', 'argo-rollouts'];
  const features = parts.features ?? [
    ...DEFAULT_FEATURES.filter(
      (feature) =>
        !kindFeatures.includes(feature) &&
        (OF_KINDS[feature]?.some((kind) => parts.kinds.includes(kind)) ?? true),
    ),
    ...moved,
  ];
  const rights = features.flatMap((feature) => {
    // Whoever asks for a Rollout to be moved cannot go on without.
    const optional = FEATURES[feature].optional && !moved.has(feature);
    return rightsOf(feature, parts.names).map((right) => ({ ...right, optional }));
  });
  const first = new Map<string, NeededRight>();
  for (const right of rights) {
    const key = [right.group, right.resource, right.verb, right.name].join(' ');
    if (!first.has(key)) first.set(key, right);
  }
  return [...first.values()];
}

/** Each verb of one feature's rules on each of its resources. */
function rightsOf(
  feature: RightFeature,
  names: Record<string, string[]> = {},
): Omit<NeededRight, 'optional'>[] {
  const { without, rules } = FEATURES[feature];
  return rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) =>
      verbs.flatMap((verb) => {
        const named = NAMED_VERBS.includes(verb) ? names[resource] : undefined;
        return (named ?? [undefined]).map((name) => ({
          feature,
          group: apiGroup(resource),
          resource,
          verb,
          name,
          without,
        }));
      }),
    ),
  );
}

/** API group of a resource or subresource, e.g. `apps`; empty for the core group. */
export function apiGroup(resource: string): string {
  const [plural = ''] = resource.split('/');
  return FOREIGN_GROUPS[plural] ?? groupOf(plural);
}
