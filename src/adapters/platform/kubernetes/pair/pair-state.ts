import type { ClusterState } from '../cluster-state.ts';
import { type WorkloadView, workloadText } from '../view.ts';
import { findPair, type Pair } from './find-pair.ts';

/** The same cluster, where each of a pair has the Services of the pair, also while they pick the other one. */
export function pairState(state: ClusterState): ClusterState {
  return {
    ...state,
    async view(workload, signal) {
      const view = await state.view(workload, signal);
      const pair = findPair(await state.all(signal), view);
      return [pair?.live, pair?.idle].find((side) => side?.workload.name === workload.name) ?? view;
    },
  };
}

/** The configured workloads; of a pair the one that gets the traffic. */
export async function liveViews(state: ClusterState, signal: AbortSignal): Promise<WorkloadView[]> {
  const [views, all] = [await state.views(signal), await state.all(signal)];
  const pair = pairAmong(views, (view) => findPair(all, view));
  return pair ? [pair.live] : views;
}

/** The pair that the configured workloads are: one of it, or both. */
export function pairAmong(
  views: WorkloadView[],
  find: (view: WorkloadView) => Pair | undefined,
): Pair | undefined {
  const pair = views.length <= 2 && views[0] ? find(views[0]) : undefined;
  if (!pair) return undefined;
  const names = [pair.live, pair.idle].map(({ workload }) => workloadText(workload));
  return views.every(({ workload }) => names.includes(workloadText(workload))) ? pair : undefined;
}
