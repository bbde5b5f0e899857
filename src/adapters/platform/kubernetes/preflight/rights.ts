import type { Cluster } from '../../../../kubernetes/cluster.ts';
import { inGroups } from '../../../../kubernetes/in-groups.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { NeededRight } from '../../../../kubernetes/rights.ts';
import type { Finding } from '../../../../model/finding.ts';
import { findingOf, saysOf } from './finding-of.ts';
import { sharedSignal } from './shared-signal.ts';

interface AccessReview {
  status: { allowed: boolean; denied?: boolean; reason?: string; evaluationError?: string };
}

type Said = { allowed: boolean; why: string | undefined } | { allowed: undefined; why: string };
type Answer = Said & { right: NeededRight };

/**
 * Asks for each right whether this user has it (SelfSubjectAccessReview). A missing one that is needed stops; a missing
 * optional one warns, a line for each feature. What could not be asked is unknown.
 */
export async function rightsFindings(
  cluster: Cluster,
  namespace: string,
  needs: NeededRight[],
  signal: AbortSignal,
): Promise<Finding[]> {
  if (needs.length === 0) return [];
  const shared = sharedSignal(signal);
  const answers = await askAll(cluster, namespace, needs, shared);
  const missing = answers.filter(({ allowed }) => allowed === false);
  const unasked = answers.filter(({ allowed }) => allowed === undefined);
  const found: Finding[] = [];
  const needed = missing.filter(({ right }) => !right.optional);
  const fix = [`rollback-deploy-auto init --rbac -n ${namespace} | kubectl apply -f -`];
  if (needed.length > 0) {
    const title = `Rights missing in namespace ${namespace}: ${needed.length} that the rollback needs`;
    found.push(findingOf('rights', 'fail', title, { evidence: needed.map(evidenceOf), fix }));
  }
  for (const [without, lacking] of byFeature(missing.filter(({ right }) => right.optional))) {
    const title = without.replace(/\.$/, '');
    found.push(findingOf('rights', 'warn', title, { evidence: lacking.map(evidenceOf), fix }));
  }
  if (unasked.length > 0) {
    const evidence = [...new Set(unasked.map(({ why }) => why as string))];
    const title = `Rights in namespace ${namespace}: ${unasked.length} of ${needs.length} could not be asked for`;
    found.push(findingOf('rights', 'unknown', title, { evidence }));
  }
  if (needed.length > 0 || unasked.length > 0) return found;
  const all = `All rights that the rollback needs are there (namespace ${namespace})`;
  return [findingOf('rights', 'ok', all, { evidence: [`${needs.length} needed`] }), ...found];
}

/**
 * Who may do everything in the namespace, as administrators may, is asked once: `*` means all
 * (Kubernetes API, ResourceAttributes). Whoever may not is asked for each right.
 */
async function askAll(
  cluster: Cluster,
  namespace: string,
  needs: NeededRight[],
  signal: AbortSignal,
): Promise<Answer[]> {
  const everything = await ask(cluster, namespace, { group: '*', resource: '*', verb: '*' }, signal);
  if (everything.allowed) return needs.map((right) => ({ ...everything, right }));
  // A connection for each would cost more than they take one after another.
  return inGroups(needs, async (right) => ({ ...(await ask(cluster, namespace, right, signal)), right }));
}

async function ask(
  cluster: Cluster,
  namespace: string,
  right: Pick<NeededRight, 'group' | 'resource' | 'verb' | 'name'>,
  signal: AbortSignal,
): Promise<Said> {
  const [resource, subresource] = right.resource.split('/');
  const { group, verb, name } = right;
  const resourceAttributes = { namespace, group, verb, resource, subresource, name };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  try {
    const { status } = await cluster.create<AccessReview>(pathOf('selfsubjectaccessreviews'), body, {
      signal,
    });
    if (!status.allowed && !status.denied && status.evaluationError) {
      return { allowed: undefined, why: status.evaluationError };
    }
    return { allowed: status.allowed, why: status.reason || undefined };
  } catch (error) {
    signal.throwIfAborted();
    return { allowed: undefined, why: saysOf(error) };
  }
}

function byFeature(answers: Answer[]): Map<string, Answer[]> {
  const features = new Map<string, Answer[]>();
  for (const answer of answers) {
    const { without } = answer.right;
    features.set(without, [...(features.get(without) ?? []), answer]);
  }
  return features;
}

function evidenceOf({ right, why }: Answer): string {
  const { verb, resource, group, name } = right;
  const object = `${resource}${group === '' ? '' : `.${group}`}${name === undefined ? '' : `/${name}`}`;
  return `${verb} ${object}${why ? `: ${why}` : ''}`;
}
