import type { Step, StepContext } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { Deployment, Service } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldsBefore, heldFields, holdOperations, isHeldBy } from '../held.ts';
import { sameTemplate } from '../read-view.ts';
import { putBack } from '../steps/put-back.ts';
import { deploymentOf, eachOf, fenceOf, writeDeployment } from '../steps/workload-step.ts';
import { parseWorkload, type WorkloadView } from '../view.ts';

export interface PairInput {
  /** Both, e.g. `deployment/api-blue`. */
  workloads: string[];
  /** What each was before the run, by workload: known also once the marks are gone. */
  was?: Record<string, WasInPair>;
}

export interface WasInPair {
  /** Undefined where the controller had not taken its template up. */
  revision: string | undefined;
  replicas: number;
}

/** What one of a pair was before the run. */
export interface PairBefore {
  pair?: WasInPair;
}

/**
 * Marks both Deployments and their Services as moved by this run. No selector is narrowed: whatever becomes of the run,
 * the Services pick one of the two whole.
 */
export function holdPair(state: ClusterState): Step<PairInput, null> {
  return {
    async observe(input, context) {
      const views = await viewsOf(state, input, context);
      const objects = views.flatMap((view) => [view.object, ...view.services]);
      if (objects.every((object) => isHeldBy(object, context.runId))) return { state: 'done', output: null };
      const selectors = views[0]?.services.map(({ metadata, spec }) => [metadata.name, spec.selector]);
      const replicas = views.map((view) => [view.workload.name, deploymentOf(view).spec.replicas ?? 1]);
      const before = {
        selectors: Object.fromEntries(selectors ?? []),
        replicas: Object.fromEntries(replicas),
      };
      return { state: 'pending', before };
    },
    async apply(input, context) {
      const views = await viewsOf(state, input, context);
      for (const view of views) {
        await writeDeployment(state, view, context, (deployment) => {
          if (isHeldBy(deployment, context.runId)) return undefined;
          const pair = { revision: view.current, replicas: deployment.spec.replicas ?? 1 };
          return holdOperations(deployment, fenceOf(context), {
            ...heldFields({ ...view, object: deployment }),
            pair,
          });
        });
      }
      await eachOf(views[0]?.services ?? [], async (service) => {
        const written = await fencedWrite<Service>({
          cluster: state.cluster,
          path: pathOf('services', state.namespace, service.metadata.name),
          known: service,
          fence: fenceOf(context),
          signal: context.signal,
          change: (now) =>
            isHeldBy(now, context.runId)
              ? undefined
              : holdOperations(now, fenceOf(context), { selector: now.spec.selector }),
        });
        state.saw('services', written);
      });
      return null;
    },
  };
}

/** Takes the run's marks from all of them; the Services go on picking what they pick now. */
export function letGoPair(state: ClusterState): Step<PairInput, null> {
  const step = putBack(state);
  const inputs = async (input: PairInput, context: StepContext) =>
    (await viewsOf(state, input, context)).map(({ workload, current = '' }) => ({
      workload: `${workload.kind}/${workload.name}`,
      release: current,
    }));
  return {
    async observe(input, context) {
      for (const one of await inputs(input, context)) {
        const seen = await step.observe(one, context);
        if (seen.state !== 'done') return seen;
      }
      return { state: 'done', output: null };
    },
    async apply(input, context) {
      for (const one of await inputs(input, context)) await step.apply(one, context);
      return null;
    },
  };
}

export interface RestoreIdleInput {
  workload: string;
  /** Default: as the object itself says it. */
  was?: WasInPair | undefined;
}

/** Gives the one without traffic the template and the count back that it had when the run began. */
export function restoreIdle(state: ClusterState): Step<RestoreIdleInput, null> {
  const restored = (view: WorkloadView, { spec }: Deployment, pair: WasInPair) =>
    (spec.replicas ?? 1) === pair.replicas && (pair.revision === undefined || view.current === pair.revision);
  return {
    async observe({ workload, was }, context) {
      const view = await state.view(parseWorkload(workload), context.signal);
      const pair = was ?? fieldsBefore<PairBefore>(view.object)?.pair;
      if (!pair || restored(view, deploymentOf(view), pair)) return { state: 'done', output: null };
      const { name } = view.workload;
      if (!isHeldBy(view.object, context.runId)) {
        return { state: 'conflict', why: `${name} is no longer marked as moved by this run.` };
      }
      return { state: 'pending', before: { replicas: deploymentOf(view).spec.replicas ?? 1 } };
    },
    async apply({ workload, was }, context) {
      const view = await state.view(parseWorkload(workload), context.signal);
      await writeDeployment(state, view, context, (deployment) => {
        const pair = was ?? fieldsBefore<PairBefore>(deployment)?.pair;
        if (!pair) return undefined;
        const { template, replicas = 1 } = deployment.spec;
        const before = view.revisions.find(({ id }) => id === pair.revision)?.template ?? template;
        return [
          { op: 'test', path: '/spec/replicas', value: replicas },
          { op: 'replace', path: '/spec/replicas', value: pair.replicas },
          ...(sameTemplate(before, template)
            ? []
            : [
                { op: 'test' as const, path: '/spec/template', value: template },
                { op: 'replace' as const, path: '/spec/template', value: before },
              ]),
        ];
      });
      // Until the controller has taken it up, its pods look like another revision's.
      while ((await state.view(view.workload, context.signal)).current === undefined) {
        await state.change(500, context.signal);
      }
      return null;
    },
  };
}

function viewsOf(
  state: ClusterState,
  { workloads }: PairInput,
  { signal }: StepContext,
): Promise<WorkloadView[]> {
  return Promise.all(workloads.map((workload) => state.view(parseWorkload(workload), signal)));
}
