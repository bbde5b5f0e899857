import type { Step } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import { RUN_ANNOTATION } from '../../../../kubernetes/names.ts';
import type { Deployment } from '../../../../kubernetes/objects.ts';
import { pathOf } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { type WorkloadInput, workloadOf, writeDeployment } from '../steps/workload-step.ts';
import { findPair } from './find-pair.ts';
import { forgetWarm, noteWarm, warmUntilOf } from './warm-until.ts';

export interface KeepWarmInput extends WorkloadInput {
  ms: number;
}

/** Leaves the one without traffic scaled up, and writes on it until when. It is harmless while it stands. */
export function keepWarm(state: ClusterState): Step<KeepWarmInput, { until: string }> {
  return {
    async observe(input, context) {
      const { object } = await state.view(workloadOf(input), context.signal);
      const until = warmUntilOf(object);
      return until === undefined ? { state: 'pending', before: null } : { state: 'done', output: { until } };
    },
    async apply(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const untilMs = context.clock.now() + input.ms;
      await writeDeployment(state, view, context, (deployment) => noteWarm(deployment, untilMs));
      return { until: new Date(untilMs).toISOString() };
    },
  };
}

/**
 * Ends Deployments of the service that were kept warm and whose time is over: asks them for no pods. One that gets traffic
 * again only loses the note; one that a run holds is left alone. Nothing in the cluster does it by itself.
 * @param parts.fix whether to; else they are only found
 * @returns a sentence for each
 */
export async function endWarm(
  state: ClusterState,
  { fix, nowMs, signal }: { fix: boolean; nowMs: number; signal: AbortSignal },
): Promise<string[]> {
  const [all, views] = await Promise.all([state.all(signal), state.views(signal)]);
  const pairs = views.flatMap((view) => findPair(all, view) ?? []);
  const own = [...views, ...pairs.flatMap(({ live, idle }) => [live, idle])];
  const live = new Set(pairs.map((pair) => pair.live.workload.name));
  const said: string[] = [];
  for (const { metadata } of all.deployments) {
    const { name } = metadata;
    const until = warmUntilOf({ metadata });
    if (until === undefined || metadata.annotations?.[RUN_ANNOTATION] !== undefined) continue;
    if (!own.some(({ workload }) => workload.kind === 'deployment' && workload.name === name)) continue;
    const view = await state.view({ kind: 'deployment', name }, signal);
    const serves = live.has(name) || view.services.length > 0;
    if (!serves && Date.parse(until) > nowMs) continue;
    if (fix && !(await end(state, name, { until, serves, signal }))) continue;
    const how = fix ? 'was' : 'is still';
    said.push(
      serves
        ? `deployment/${name} gets traffic, and ${how} noted as kept warm`
        : `deployment/${name} ${how} kept warm; its time was over at ${until}`,
    );
  }
  return said;
}

/** Whether it was ended: not where somebody changed it meanwhile. */
async function end(
  state: ClusterState,
  name: string,
  { until, serves, signal }: { until: string; serves: boolean; signal: AbortSignal },
): Promise<boolean> {
  let ended = false;
  const written = await fencedWrite<Deployment>({
    cluster: state.cluster,
    path: pathOf('deployments', state.namespace, name),
    fence: { runId: '', epoch: Number.MAX_SAFE_INTEGER },
    last: true,
    signal,
    change: (now) => {
      const { annotations, resourceVersion } = now.metadata;
      ended = warmUntilOf(now) === until && annotations?.[RUN_ANNOTATION] === undefined;
      if (!ended) return undefined;
      return [
        // A run that begins at this moment has it.
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        ...forgetWarm(now),
        ...(serves ? [] : [{ op: 'replace' as const, path: '/spec/replicas', value: 0 }]),
      ];
    },
  });
  state.saw('deployments', written);
  return ended;
}
