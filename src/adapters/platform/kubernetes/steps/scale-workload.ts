import type { Step } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import { SCALED_FROM_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { Deployment } from '../../../../kubernetes/objects.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { isHeldBy } from '../held.ts';
import { isAlive, isInRotation } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { deploymentOf, type WorkloadInput, workloadOf, writeDeployment } from './workload-step.ts';

export interface ScaleWorkloadInput extends WorkloadInput {
  /** Pods that the Deployment shall be asked for. */
  count: number;
  /** What it was asked for when the plan was made. */
  from: number;
}

/**
 * Asks a Deployment for another count of pods; done once no more than these are alive. What it was before is kept in
 * the journal and, while there are fewer, on the object. Refused while more than `count` of its pods are in rotation.
 */
export function scaleWorkload(state: ClusterState): Step<ScaleWorkloadInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const { name } = view.workload;
      const replicas = replicasOf(deploymentOf(view));
      if (replicas === input.count && aliveIn(view) <= input.count) return { state: 'done', output: null };
      if (!isHeldBy(view.object, context.runId)) {
        return { state: 'conflict', why: `${name} is no longer marked as moved by this run.` };
      }
      if (!between(replicas, input))
        return { state: 'conflict', why: `Somebody scaled ${name} to ${replicas}.` };
      const inside = servingIn(view);
      if (inside > input.count) {
        return { state: 'conflict', why: `${inside} pods of ${name} are in rotation.` };
      }
      return { state: 'pending', before: { replicas } };
    },
    async apply(input, context) {
      const { signal } = context;
      const first = await state.view(workloadOf(input), signal);
      await writeDeployment(state, first, context, (deployment) => {
        const replicas = replicasOf(deployment);
        if (replicas === input.count) return undefined;
        if (!between(replicas, input)) throw scaled(first.workload.name, replicas);
        return [
          { op: 'test', path: '/spec/replicas', value: replicas },
          { op: 'replace', path: '/spec/replicas', value: input.count },
          ...scaledFrom(deployment, replicas, input.count),
        ];
      });
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        if (aliveIn(view) <= input.count) return null;
        await state.change(500, signal);
      }
    },
  };
}

/** The count from which it was scaled down, which goes once it is reached again. */
function scaledFrom({ metadata }: Deployment, now: number, next: number): PatchOperation[] {
  const path = `/metadata/annotations/${pointerPart(SCALED_FROM_ANNOTATION)}`;
  const known = metadata.annotations?.[SCALED_FROM_ANNOTATION];
  if (next < now) return known === undefined ? [{ op: 'add', path, value: String(now) }] : [];
  return known !== undefined && next >= Number(known) ? [{ op: 'remove', path }] : [];
}

function replicasOf({ spec }: Deployment): number {
  return spec.replicas ?? 1;
}

function aliveIn({ pods }: WorkloadView): number {
  return pods.filter(isAlive).length;
}

/** Only what a Service sends requests to is in rotation. */
function servingIn(view: WorkloadView): number {
  if (view.services.length === 0) return 0;
  return view.pods.filter((pod) => isAlive(pod) && isInRotation(view, pod)).length;
}

function between(replicas: number, { from, count }: ScaleWorkloadInput): boolean {
  return replicas >= Math.min(from, count) && replicas <= Math.max(from, count);
}

/** Retriable, so that the next look finds the conflict and says it. */
function scaled(name: string, replicas: number): RollbackError {
  return new RollbackError({
    code: 'WORKLOAD_SCALED',
    summary: `Somebody scaled ${name} to ${replicas}`,
    retriable: true,
  });
}
