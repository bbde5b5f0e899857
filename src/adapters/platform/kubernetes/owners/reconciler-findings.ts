import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { findingOf } from '../preflight/finding-of.ts';
import type { PreflightInput } from '../preflight/input.ts';
import { gitRevert } from './git-revert.ts';
import { type Owner, type ReconcilerName, reconcilerText } from './owner.ts';
import { findApplication, isActive, reconcilerPath, resourceOfReconciler } from './reconciler-object.ts';

type ReconcilerOwner = Extract<Owner, { kind: 'reconciler' }>;
type Looking = Pick<PreflightInput, 'cluster' | 'platform' | 'signal'>;

const ACCEPT = 'Go on all the same: add --accept ownership --reason TEXT';

/**
 * What an Argo CD application or a Flux object means for the rollback, by what is configured: it will be suspended, or
 * the rollback is refused. @throws ApiError where the object can't be read
 */
export async function reconcilerFindings(looking: Looking, owner: ReconcilerOwner): Promise<Finding[]> {
  const { cluster, platform, signal } = looking;
  const { reconciler, evidence, workload } = owner;
  const text = reconcilerText(reconciler);
  const found = await readReconciler(looking, reconciler);
  if (!found) {
    const title = `${workload} has the marks of ${text}, which is not there or not one of its name`;
    const fix = ['Tell who reconciles it, and suspend that first', ACCEPT];
    return [findingOf('ownership', 'unknown', title, { evidence: [evidence], fix, blocking: true })];
  }
  const { name, object } = found;
  if (!isActive(name.kind, object)) {
    const title = `${text} does not reconcile by itself now: the next sync by hand puts the newer release back`;
    return [findingOf('ownership', 'warn', title, { evidence: [evidence] })];
  }
  if (platform.reconciler === 'git-revert') {
    const title = `${text} puts back what git says: git has to be reverted`;
    const fix = await gitRevert(cluster, name.kind, object, signal);
    return [findingOf('ownership', 'fail', title, { evidence: [evidence], fix })];
  }
  if (platform.reconciler === 'refuse') {
    const title = `${text} would put the newer release back`;
    const fix = [
      'Let it be suspended for the rollback: set platform.reconciler: suspend in rollback.yaml',
      ACCEPT,
    ];
    return [findingOf('ownership', 'fail', title, { evidence: [evidence], fix })];
  }
  const parent = parentOf(name.kind, object);
  if (parent !== undefined) {
    const title = `${text} is itself declared by ${parent}, which would end its suspension`;
    const fix = [`Suspend ${parent} first, or set platform.reconciler: git-revert in rollback.yaml`, ACCEPT];
    return [findingOf('ownership', 'fail', title, { evidence: [evidence], fix })];
  }
  if (!(await maySuspend(looking, name))) {
    const { resource, group } = resourceOfReconciler(name.kind);
    const title = `${text} would put the newer release back, and may not be suspended by this user`;
    const feature = name.kind === 'argo-cd' ? 'argo-cd' : 'flux';
    const fix = [
      `Give the right to patch ${resource}.${group} in namespace ${name.namespace} (feature ${feature})`,
      ACCEPT,
    ];
    return [findingOf('ownership', 'fail', title, { evidence: [evidence], fix })];
  }
  const title = `${text} puts back what git says: it will be suspended`;
  const resumed =
    'It is resumed once what it declares is the restored release; until then it stays suspended, and its annotation says who did that and why.';
  const fix = ['Revert in git, too: what is suspended does not follow git.'];
  return [findingOf('ownership', 'warn', title, { evidence: [evidence, resumed], fix, headline: true })];
}

/** The object that is meant; undefined where there is none of that name. @throws ApiError */
export async function readReconciler(
  { cluster, signal }: Pick<Looking, 'cluster' | 'signal'>,
  reconciler: ReconcilerOwner['reconciler'],
): Promise<{ name: ReconcilerName; object: KubernetesObject } | undefined> {
  const { kind, name, namespace } = reconciler;
  if (kind === 'argo-cd') {
    const object = await findApplication(cluster, { name, namespace }, signal);
    return object && { name: { kind, name, namespace: object.metadata.namespace ?? 'argocd' }, object };
  }
  if (namespace === undefined) return undefined;
  const full = { kind, name, namespace };
  const path = await reconcilerPath(cluster, full, signal);
  return { name: full, object: await cluster.get<KubernetesObject>(path, { signal }) };
}

/**
 * Who would put back `syncPolicy` of an application: an ApplicationSet, or an application of applications. Flux leaves
 * fields alone that git does not have, and `suspend` it seldom has.
 */
function parentOf(kind: ReconcilerName['kind'], { metadata }: KubernetesObject): string | undefined {
  if (kind !== 'argo-cd') return undefined;
  const set = metadata.ownerReferences?.find((owner) => owner.kind === 'ApplicationSet');
  if (set) return `ApplicationSet ${set.name}`;
  const [parent] = metadata.annotations?.['argocd.argoproj.io/tracking-id']?.split(':') ?? [];
  return parent === undefined ? undefined : `application ${parent}`;
}

async function maySuspend(
  { cluster, signal }: Looking,
  { kind, namespace, name }: ReconcilerName,
): Promise<boolean> {
  const resourceAttributes = { ...resourceOfReconciler(kind), namespace, name, verb: 'patch' };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const { status } = await cluster.create<{ status: { allowed: boolean } }>(
    pathOf('selfsubjectaccessreviews'),
    body,
    { signal },
  );
  return status.allowed;
}
