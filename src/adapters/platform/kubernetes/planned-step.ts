import type { PlatformFacts } from '../../../model/facts.ts';
import type { PlannedStep } from '../../../model/plan.ts';
import type { OwnWorkload } from './own-facts.ts';

/** Times of a step that is a write or two, ms. */
export const SHORT = { timeoutMs: 60_000, estimateMs: 150 };

/** Writes of one pod each, several in flight, ms a pod. */
const WRITE_MS = 10;
/**
 * What the controllers need to make or to end a pod, ms: they ask 20 times a second unless they are told otherwise
 * (kube-controller-manager, `--kube-api-qps`).
 */
const CONTROLLER_MS = 50;

/** As long as a step takes that also writes each of `pods`. */
export function writing(pods: number, { timeoutMs, estimateMs } = SHORT): typeof SHORT {
  return { timeoutMs: timeoutMs + pods * 10 * WRITE_MS, estimateMs: estimateMs + pods * WRITE_MS };
}

/** As long as a step takes in which the controllers also make or end each of `pods`. */
export function controlling(pods: number, { timeoutMs, estimateMs }: typeof SHORT): typeof SHORT {
  return { timeoutMs: timeoutMs + pods * 10 * CONTROLLER_MS, estimateMs: estimateMs + pods * CONTROLLER_MS };
}

/** A step of a move; its id is `kind:name`. */
export function planned(
  kind: string,
  name: string,
  input: unknown,
  { timeoutMs, estimateMs }: { timeoutMs: number; estimateMs: number },
): PlannedStep {
  return {
    id: `${kind}:${name}`,
    kind,
    phase: 'move',
    input,
    after: [],
    safePoint: true,
    timeoutMs,
    estimateMs,
  };
}

/** `2/3`, or `1-2/3`. */
export function slotsText(slots: number[], { replicas }: OwnWorkload): string {
  const first = Math.min(...slots);
  const last = Math.max(...slots);
  return `${first === last ? first : `${first}-${last}`}/${replicas}`;
}

/** As slow as the slowest start seen of it, and some room, ms. */
export function startEstimate(facts: PlatformFacts, id: string): number {
  const seen = facts.releases.find((release) => release.id === id)?.evidence.startMs;
  return seen === undefined ? 5_000 : Math.round(seen * 1.2) + 500;
}
