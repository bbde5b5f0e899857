import { ApiError, isPreconditionFailed } from '../../../../kubernetes/api-error.ts';
import { HASH_LABEL } from '../../../../kubernetes/names.ts';
import type { Pod, PodSpec, StatefulSet } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { Finding } from '../../../../model/finding.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { findingOf, saysOf } from './finding-of.ts';
import type { PlannedPatch, PreflightInput, TargetTemplate } from './input.ts';

/** What the server says of a change that it checked, admitted and did not store. */
export interface Tried {
  finding: Finding;
  /** The pod as it would be, with what admission added; undefined where it was not admitted. */
  pod?: Pod;
}

/** A patch of the plan, tried with `dryRun=All`. */
export async function tryPatch(
  { cluster, namespace, signal }: PreflightInput,
  { resource, name, operations }: PlannedPatch,
): Promise<Finding> {
  const what = `The change of ${resource.replace(/s$/, '')}/${name}`;
  try {
    await cluster.patch(pathOf(resource, namespace, name), operations, { dryRun: true, signal });
    return findingOf('platform', 'ok', `${what} would be admitted`);
  } catch (error) {
    signal.throwIfAborted();
    return refused(what, namespace, error);
  }
}

/** A pod of the target template, tried with `dryRun=All`: a change of a workload's template admits no pod. */
export async function tryPod(
  { cluster, namespace, signal }: PreflightInput,
  view: WorkloadView,
  target: TargetTemplate,
): Promise<Tried> {
  const what = `A target pod of ${workloadText(view.workload)}`;
  try {
    const pod = await cluster.create<Pod>(pathOf('pods', namespace), podOf(view, target), {
      dryRun: true,
      signal,
    });
    return { finding: findingOf('platform', 'ok', `${what} would be admitted`), pod };
  } catch (error) {
    signal.throwIfAborted();
    return { finding: refused(what, namespace, error) };
  }
}

/** Without an owner: the cluster's collector would take a pod whose owner did not make it for what it is not. */
function podOf(view: WorkloadView, { template, hash }: TargetTemplate): object {
  const { metadata = {}, spec } = template;
  const labels = { ...metadata.labels, ...(hash === undefined ? {} : { [HASH_LABEL]: hash }) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, labels, generateName: `${view.workload.name}-${hash ? `${hash}-` : ''}` },
    spec: withClaims(view, spec),
  };
}

/** The controller of a StatefulSet adds a volume for each claim template. */
function withClaims(view: WorkloadView, spec: PodSpec): PodSpec {
  if (view.workload.kind !== 'statefulset') return spec;
  const templates = ((view.object as StatefulSet).spec.volumeClaimTemplates ?? []) as {
    metadata: { name: string };
  }[];
  const volumes = templates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-${view.workload.name}-0` },
  }));
  const own = spec.volumes?.filter(({ name }) => !volumes.some((volume) => volume.name === name)) ?? [];
  return { ...spec, volumes: [...own, ...volumes] };
}

function refused(what: string, namespace: string, error: unknown): Finding {
  const evidence = [saysOf(error)];
  if (!(error instanceof ApiError))
    return findingOf('platform', 'unknown', `${what}: not tried`, { evidence });
  const { says, status } = error;
  // The API server's own words, and those that a webhook may choose.
  const shy =
    /admission webhook "([^"]+)" (does not support dry run|denied the request:.*dry[- ]?run)/is.exec(
      says,
    )?.[1];
  if (shy !== undefined) {
    const title = `${what} could not be tried: the admission webhook ${shy} refuses dry runs`;
    return findingOf('platform', 'unknown', title, { evidence });
  }
  if (/^failed calling webhook|: failed calling webhook/.test(says)) {
    const title = `${what} would be refused: an admission webhook does not answer`;
    return findingOf('platform', 'fail', title, {
      evidence,
      fix: ['Mend the webhook, then run the same command.'],
    });
  }
  if (isPreconditionFailed(error)) {
    const title = `${what} no longer fits: somebody changed it just now`;
    return findingOf('platform', 'fail', title, { evidence, fix: ['Run the same command again.'] });
  }
  if (error.retriable) return findingOf('platform', 'unknown', `${what}: not tried`, { evidence });
  if (/exceeded quota/.test(says)) {
    const title = `${what} would be refused: quota`;
    const fix = [`See what uses it: kubectl describe resourcequota -n ${namespace}`];
    return findingOf('capacity', 'fail', title, { evidence, fix });
  }
  if (status === 403 && /User "[^"]*" cannot /.test(says)) {
    // Which right it is, and whether it is needed, the access reviews say.
    return findingOf('platform', 'unknown', `${what}: not tried, the right is missing`, { evidence });
  }
  const fix = ['Change the policy, or let the workload fit it, then run the same command.'];
  return findingOf('platform', 'fail', `${what} would be refused`, { evidence, fix });
}
