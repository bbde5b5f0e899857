import type { Step, StepContext } from '../../../../engine/step.ts';
import type { PatchOperation } from '../../../../kubernetes/cluster.ts';
import type { Pod, PodTemplate } from '../../../../kubernetes/objects.ts';
import type { ClusterState } from '../cluster-state.ts';
import { failureOf } from '../fail-fast.ts';
import { isHeldBy } from '../held.ts';
import { sameTemplate } from '../read-view.ts';
import { alivePods } from '../rotation.ts';
import { type Gate, gatedPods } from '../steps/gated-pods.ts';
import { deploymentOf, type WorkloadInput, workloadOf, writeDeployment } from '../steps/workload-step.ts';
import type { WorkloadView } from '../view.ts';
import { forgetWarm, warmUntilOf } from './warm-until.ts';

export interface PrepareIdleInput extends WorkloadInput {
  /** Id of the release, for the plan that goes back. */
  release: string;
  template: PodTemplate;
  /** Pods that shall be healthy. */
  count: number;
}

/**
 * Makes the one without traffic run a release in full number, each pod asked for its health. Where it does already, it
 * is used as it is.
 */
export function prepareIdle(state: ClusterState, gate: Gate): Step<PrepareIdleInput, { pods: string[] }> {
  const gated = gatedPods(gate);

  async function healthy(view: WorkloadView, input: PrepareIdleInput, context: StepContext): Promise<Pod[]> {
    if (view.current === undefined || !sameTemplate(view.object.spec.template, input.template)) return [];
    return gated(alivePods(view, view.current), context);
  }

  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const { name } = view.workload;
      if (!isHeldBy(view.object, context.runId)) {
        return { state: 'conflict', why: `${name} is no longer marked as moved by this run.` };
      }
      const pods = await healthy(view, input, context);
      const { replicas = 1 } = deploymentOf(view).spec;
      if (pods.length >= input.count && replicas >= input.count && !warmUntilOf(view.object)) {
        return { state: 'done', output: { pods: namesOf(pods) } };
      }
      return { state: 'pending', before: { revision: view.current ?? null, replicas } };
    },
    async apply(input, context) {
      const { signal, progress } = context;
      const first = await state.view(workloadOf(input), signal);
      await writeDeployment(state, first, context, (deployment) => {
        const { template, replicas = 1 } = deployment.spec;
        const operations: PatchOperation[] = [];
        if (!sameTemplate(template, input.template)) {
          operations.push(
            { op: 'test', path: '/spec/template', value: template },
            { op: 'replace', path: '/spec/template', value: input.template },
          );
        }
        if (replicas < input.count) {
          operations.push(
            { op: 'test', path: '/spec/replicas', value: replicas },
            { op: 'replace', path: '/spec/replicas', value: input.count },
          );
        }
        operations.push(...forgetWarm(deployment));
        return operations.length > 0 ? operations : undefined;
      });
      let told = '';
      for (;;) {
        const view = await state.view(workloadOf(input), signal);
        const pods = await healthy(view, input, context);
        if (pods.length >= input.count) return { pods: namesOf(pods) };
        const failure = view.current && (await failureOf(state, view, view.current, signal));
        if (failure) throw failure;
        const says = `${pods.length} of ${input.count} pods healthy`;
        if (says !== told) progress(says);
        told = says;
        await state.change(500, signal);
      }
    },
  };
}

function namesOf(pods: readonly Pod[]): string[] {
  return pods.map(({ metadata }) => metadata.name);
}
