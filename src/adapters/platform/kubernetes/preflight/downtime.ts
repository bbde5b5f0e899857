import { ApiError } from '../../../../kubernetes/api-error.ts';
import type {
  DaemonSet,
  Deployment,
  KubernetesObject,
  Pod,
  StatefulSet,
} from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { findingOf, saysOf } from './finding-of.ts';
import type { PreflightInput } from './input.ts';

/** Access modes of the claims that were read, by name; a sentence where one could not be. */
export type Claims = Map<string, string[] | { why: string }>;

interface Claim extends KubernetesObject {
  spec: { accessModes?: string[] };
}

const ACCEPT = 'Accept that nothing serves meanwhile: add --accept downtime --reason TEXT';

/**
 * Why a workload must not run twice; undefined where it may, as far as is known without its volumes.
 * @param claims of its volumes; a claim that could not be read is no reason here
 */
export function runsAlone(
  view: WorkloadView,
  { singleton }: { singleton: boolean },
  claims: Claims = new Map(),
): string | undefined {
  if (singleton) return 'The configuration says singleton: it must not run twice.';
  if (!isBesideKind(view)) return undefined;
  const { strategy, template } = (view.object as Deployment).spec;
  if (strategy?.type === 'Recreate')
    return 'Its strategy is Recreate: the old pods end before new ones start.';
  for (const name of claimNames(template.spec)) {
    const modes = claims.get(name);
    if (!Array.isArray(modes) || modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany'))
      continue;
    return `It writes to the volume claim ${name}, which is ${modes.join(', ')}: one at a time may have it.`;
  }
  return undefined;
}

/** Whether new pods of such a workload run beside the old ones unless something keeps them from it. */
export function isBesideKind({ workload }: Pick<WorkloadView, 'workload'>): boolean {
  return workload.kind === 'deployment' || workload.kind === 'rollout';
}

/** The claims that Deployments and Rollouts mount. */
export async function readClaims({
  cluster,
  namespace,
  views,
  signal,
}: Pick<PreflightInput, 'cluster' | 'namespace' | 'views' | 'signal'>): Promise<Claims> {
  const names = views.filter(isBesideKind).flatMap(({ object }) => claimNames(object.spec.template.spec));
  const read = async (name: string): Promise<[string, string[] | { why: string }]> => {
    try {
      const claim = await cluster.get<Claim>(pathOf('persistentvolumeclaims', namespace, name), { signal });
      return [name, claim.spec.accessModes ?? []];
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof ApiError)) throw error;
      return [name, { why: saysOf(error) }];
    }
  };
  return new Map(await Promise.all([...new Set(names)].map(read)));
}

/** What the rollback costs while it lasts: a gap, or capacity. */
export function downtimeFindings(
  views: WorkloadView[],
  platform: { singleton: boolean },
  claims: Claims,
): Finding[] {
  return views.flatMap((view) => downtimeOf(view, platform, claims));
}

function downtimeOf(view: WorkloadView, platform: { singleton: boolean }, claims: Claims): Finding[] {
  const name = workloadText(view.workload);
  const pods = podCount(view);
  if (pods === 0) return [];
  const alone = runsAlone(view, platform, claims);
  if (alone !== undefined) return [gap(name, view, alone)];
  if (isBesideKind(view)) return unreadClaims(name, view, claims);
  if (surges(view)) return [];
  if (pods === 1) return [gap(name, view, `A ${view.workload.kind} has no second pod beside the old one.`)];
  const title = `${name}: ${pods - 1} of ${pods} pods serve while one is replaced`;
  const evidence = [`A ${view.workload.kind} starts no pod beside the one it replaces.`];
  return [findingOf('capacity', 'warn', title, { evidence })];
}

function gap(name: string, view: WorkloadView, why: string): Finding {
  const grace = view.object.spec.template.spec.terminationGracePeriodSeconds ?? 30;
  const start = startSeconds(view.pods);
  const expected =
    start === undefined
      ? `up to ${grace} s to end the old pod, plus the start of the new one, which was not seen yet`
      : `about ${start} s to start a pod, as seen here, plus up to ${grace} s to end the old one`;
  const title = `${name} does not serve while it is rolled back${start === undefined ? '' : `: ${start} to ${start + grace} s`}`;
  return findingOf('downtime', 'fail', title, {
    evidence: [why, `Expected gap: ${expected}.`],
    fix: [ACCEPT],
    headline: true,
  });
}

/** To run a volume's writer twice may destroy data, so not knowing stops. */
function unreadClaims(name: string, view: WorkloadView, claims: Claims): Finding[] {
  return claimNames(view.object.spec.template.spec).flatMap((claim) => {
    const read = claims.get(claim);
    if (read === undefined || Array.isArray(read)) return [];
    const title = `${name}: whether the volume claim ${claim} may have two writers is not known`;
    const fix = ['Allow reading persistentvolumeclaims, or set platform.singleton in rollback.yaml', ACCEPT];
    return [findingOf('downtime', 'unknown', title, { evidence: [read.why], fix, blocking: true })];
  });
}

/** Shortest time from creation to ready among the pods, s: a later loss of readiness only makes it look longer. */
function startSeconds(pods: readonly Pod[]): number | undefined {
  const seen = pods.flatMap(({ metadata, status }) => {
    const ready = status.conditions?.find(({ type, status }) => type === 'Ready' && status === 'True');
    if (!ready?.lastTransitionTime) return [];
    return [(Date.parse(ready.lastTransitionTime) - Date.parse(metadata.creationTimestamp)) / 1000];
  });
  // Times of the API are whole seconds.
  return seen.length === 0 ? undefined : Math.max(1, Math.min(...seen));
}

function podCount({ workload, object }: WorkloadView): number {
  if (workload.kind === 'daemonset') return (object as DaemonSet).status?.desiredNumberScheduled ?? 0;
  return (object as Deployment | StatefulSet).spec.replicas ?? 1;
}

function surges({ workload, object }: WorkloadView): boolean {
  if (workload.kind !== 'daemonset') return false;
  const surge = (object as DaemonSet).spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  return surge !== 0 && surge !== '0' && surge !== '0%';
}

/** Names of the claims that pods of a template mount. */
export function claimNames({
  volumes,
}: {
  volumes?: { persistentVolumeClaim?: { claimName: string; readOnly?: boolean } }[];
}): string[] {
  return (volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => (claim ? [claim.claimName] : []));
}
