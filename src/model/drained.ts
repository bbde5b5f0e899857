import type { RunState } from './run-state.ts';

/** How the instances that a run took out of traffic were drained, over all of its plans. */
export interface Drained {
  /** In the platform's words by what it was told that nothing is in flight, each once; empty where it has one way only. */
  how: string[];
  /** From leaving traffic until drained, or until the time for it was over: the longest, ms. */
  longestMs: number;
  /** Connections still open when that time was over, on instances where they could be seen: they are cut. */
  cut: number;
  /** Instances whose connections could not be seen, so that nobody knows how many were cut there. */
  unseen: number;
}

/** What steps of a kind that begins with `drain-` put out. */
interface DrainOutput {
  how?: string;
  drainedMs?: number;
  /** Names of the instances; where it has none, the step drained the one of its input. */
  pods?: string[];
  /** Of that instance, or by name; an instance without one could not be seen. */
  cut?: number | Record<string, number>;
}

/** undefined where nothing was drained. */
export function drainedIn(state: RunState): Drained | undefined {
  const how = new Set<string>();
  const times: number[] = [];
  /** By instance: an instance that is still ending is told of by the steps after its own, too. */
  const cuts = new Map<string, number | undefined>();
  for (const { plan, steps } of state.plans) {
    for (const { id, kind, input } of plan.steps) {
      const status = steps.get(id);
      if (!kind.startsWith('drain-') || status?.state !== 'done') continue;
      const output = (status.output ?? {}) as DrainOutput;
      const one = (input as { instance?: string } | null)?.instance ?? id;
      const { pods = [one], cut } = output;
      const seen = typeof cut === 'number' ? { [one]: cut } : (cut ?? {});
      for (const pod of pods) cuts.set(pod, most(seen[pod], cuts.get(pod)));
      if (pods.length > 0 && output.how !== undefined) how.add(output.how);
      if (output.drainedMs !== undefined) times.push(output.drainedMs);
    }
  }
  if (cuts.size === 0) return undefined;
  const counts = [...cuts.values()];
  return {
    how: [...how],
    longestMs: Math.max(0, ...times),
    cut: counts.reduce<number>((sum, count) => sum + (count ?? 0), 0),
    unseen: counts.filter((count) => count === undefined).length,
  };
}

/** An instance that is gone is told as one with nothing to cut, whatever was seen of it before. */
function most(now: number | undefined, before: number | undefined): number | undefined {
  return now === undefined || before === undefined ? (now ?? before) : Math.max(now, before);
}
