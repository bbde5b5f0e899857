import type { StepContext } from '../../../../engine/step.ts';
import type { Pod } from '../../../../kubernetes/objects.ts';
import { isReady } from '../rotation.ts';

/** Asks the very pod whether it is healthy. */
export type Gate = (pod: Pod, signal: AbortSignal) => Promise<{ ok: boolean; says: string }>;

/** Those of the pods that are ready and that the gate let through; each is asked until it says yes once. */
export function gatedPods(gate: Gate): (pods: readonly Pod[], context: StepContext) => Promise<Pod[]> {
  const passed = new Set<string>();
  return async (pods, { signal, progress }) => {
    const ready = pods.filter(isReady);
    await Promise.all(
      ready.map(async (pod) => {
        const { uid, name } = pod.metadata;
        if (passed.has(uid)) return;
        const { ok, says } = await gate(pod, signal);
        if (ok) passed.add(uid);
        else progress(`${name} is ready, and its health probe says ${says}`);
      }),
    );
    return ready.filter(({ metadata }) => passed.has(metadata.uid));
  };
}
