import type { StepContext } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { ReplicaSet } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { desiredOf } from '../release-of.ts';
import { fenceOf } from '../steps/workload-step.ts';
import type { WorkloadView } from '../view.ts';

/** How many pods the Rollout was asked for when its controller looked at the ReplicaSet last. */
const DESIRED = 'rollout.argoproj.io/desired-replicas';

/**
 * Asks the ReplicaSet of a revision for at least `count` pods while its Rollout is paused. With another count for the
 * whole Rollout noted on it the controller would do nothing but wait to scale it, and never promote.
 */
export async function raiseSet(
  state: ClusterState,
  view: WorkloadView,
  release: string,
  count: number,
  context: StepContext,
): Promise<void> {
  const revision = view.revisions.find(({ id }) => id === release);
  const desired = String(desiredOf(view));
  const { name, annotations } = revision?.object ?? {};
  if (!revision || name === undefined) return;
  if ((revision.replicas ?? 0) >= count && annotations?.[DESIRED] === desired) return;
  const written = await fencedWrite<ReplicaSet>({
    cluster: state.cluster,
    path: pathOf('replicasets', state.namespace, name),
    fence: fenceOf(context),
    signal: context.signal,
    change: ({ metadata, spec }) => {
      const noted = metadata.annotations?.[DESIRED] === desired;
      const { replicas = 1 } = spec;
      if (replicas >= count && noted) return undefined;
      return [
        { op: 'test', path: '/spec/replicas', value: spec.replicas },
        ...(replicas >= count ? [] : [{ op: 'replace' as const, path: '/spec/replicas', value: count }]),
        ...(noted
          ? []
          : [{ op: 'add' as const, path: `/metadata/annotations/${pointerPart(DESIRED)}`, value: desired }]),
      ];
    },
  });
  state.saw('replicasets', written);
}
