import type { StepContext } from '../../../../engine/step.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import type { ClusterState } from '../cluster-state.ts';
import { openConnections } from '../open-connections.ts';
import { ownCounters } from '../own-counters.ts';
import { isAlive, isReady } from '../rotation.ts';
import type { KubernetesSettings } from '../settings.ts';
import type { WorkloadName, WorkloadView } from '../view.ts';

/** How it was told that no new request reaches pods any more. */
export interface Quiet {
  /**
   * `counter`: their own counts of requests stood still. `connections`: none was open. `bound`: a stated time was waited.
   * `none`: there was no pod.
   */
  how: 'counter' | 'connections' | 'bound' | 'none';
  /** From the change of the weights until then. */
  ms: number;
}

const LOOK_MS = 200;

/** What can be told without looking at the pods, ms: until then a gateway has taken up a change of weights. */
export function blindMs({ proxySync, longestRequest }: KubernetesSettings): number {
  return 2 * proxySync * 1000 + longestRequest * 1000;
}

/**
 * Waits until pods that a gateway shall send nothing to any more get no new request: what a gateway reports is what its
 * controller has read, not what its proxies do. Pods that still get some when the drain time is over are told of.
 */
export function quietPods(state: ClusterState, settings: KubernetesSettings) {
  const connections = openConnections(state);
  const counters = ownCounters(state);
  const syncMs = settings.proxySync * 1000;
  const boundMs = Math.max(settings.drainTimeout * 1000, blindMs(settings));

  /** An open connection need not be in use: gateways keep some. */
  async function look(
    view: WorkloadView,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<number | 'none' | 'unseen'> {
    const counted = await counters(view, pod, signal);
    if (counted) return counted.answered;
    return (await connections(view, pod, signal)) === 0 ? 'none' : 'unseen';
  }

  /** @param sinceMs when the weights were changed, ms since the epoch @param leastMs to wait from then on */
  return async (
    workload: WorkloadName,
    { sinceMs, leastMs }: { sinceMs: number; leastMs: number },
    { clock, signal, progress }: StepContext,
  ): Promise<Quiet> => {
    const least = Math.max(syncMs, leastMs);
    let before = new Map<string, number | 'none' | 'unseen'>();
    let still = clock.monotonic();
    for (;;) {
      const view = await state.view(workload, signal);
      const pods = view.pods.filter((pod) => isAlive(pod) && isReady(pod));
      const now = new Map<string, number | 'none' | 'unseen'>();
      for (const pod of pods) now.set(pod.metadata.uid, await look(view, pod, signal));
      const seen = [...now.values()];
      const ms = clock.now() - sinceMs;
      if (seen.length === 0) return { how: 'none', ms };
      const unseen = seen.includes('unseen');
      if ([...now].some(([uid, what]) => before.get(uid) !== what)) still = clock.monotonic();
      before = now;
      if (unseen && ms >= Math.max(least, blindMs(settings))) return { how: 'bound', ms };
      if (!unseen && ms >= least && clock.monotonic() - still >= syncMs) {
        return { how: seen.every((what) => what === 'none') ? 'connections' : 'counter', ms };
      }
      if (ms >= boundMs) {
        progress(`Requests still reach ${workload.name} ${Math.round(ms / 1000)} s after its weights are 0`);
        return { how: 'bound', ms };
      }
      await clock.sleep(LOOK_MS, signal);
    }
  };
}
