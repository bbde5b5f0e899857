import type { PlatformFacts } from '../../../../model/facts.ts';
import type { Move } from '../../../../model/move.ts';
import type { PlannedStep } from '../../../../model/plan.ts';
import type { Story } from '../events.ts';
import type { Mode } from '../mode.ts';
import type { OwnWorkload } from '../own-facts.ts';
import { planned, SHORT, slotsText, startEstimate } from '../planned-step.ts';
import type { KubernetesSettings } from '../settings.ts';

/** The release that a move is of. A Rollout that is set to a canary has the canary's template. */
export function releaseSet(move: Move, mode: Mode): string {
  if (move.kind === 'switch') return move.to;
  const isRollout = mode === 'paused' || mode === 'followed';
  return (isRollout && move.kind === 'set-current' ? move.canary : undefined) ?? move.release;
}

/** How many pods of a release the slots mean from its first one on; a canary's lie above all others. */
export function firstIn({ mode, replicas }: OwnWorkload, slots: number[]): number {
  return mode === 'paused' && areAbove(slots, replicas) ? slots.length : Math.max(...slots);
}

function areAbove(slots: number[], last: number): boolean {
  return slots.every((slot) => slot > last);
}

/** The Rollout counts the revision as its stable one from then on, whatever steps and pauses its strategy has. */
export function promoteStep({ workload, replicas }: OwnWorkload, release: string, name: string): PlannedStep {
  const times = { timeoutMs: 300_000, estimateMs: 500 };
  const input = { workload, release, count: replicas };
  return { ...planned('promote-rollout', `${workload}:${name}`, input, times), phase: 'tidy' };
}

/** How moves are done where the Rollout's own controller does them: they are waited for. Pure. */
export function expandFollowed(
  own: OwnWorkload,
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] {
  const { workload, replicas, revisions } = own;
  const release = releaseSet(move, own.mode);
  const revision = revisions[release]?.id ?? release;
  if (move.kind === 'set-current') {
    return [planned('check-template', workload, { workload, release: revision }, SHORT)];
  }
  const { slots } = move;
  const name = `${workload}:${slotsText(slots, own)}:${revision}`;
  const at = { workload, release: revision, replicas };
  // Pods of a canary that is to be there again come by the steps of its strategy.
  const isCanary = areAbove(slots, replicas);
  switch (move.kind) {
    case 'start': {
      const { startsFirst: count = 0 } = own;
      if (isCanary || count === 0) return [];
      const known = Object.values(revisions).map(({ id }) => id);
      const times = {
        timeoutMs: settings.startTimeout * 1000 + 10_000,
        estimateMs: startEstimate(facts, release),
      };
      return [planned('start-pods', name, { ...at, count, known, mode: own.mode }, times)];
    }
    case 'admit':
    case 'switch':
      if (isCanary) return [];
      return [{ ...promoteStep(own, revision, slotsText(slots, own)), phase: 'move' }];
    case 'drain': {
      const times = {
        timeoutMs: settings.drainTimeout * 1000 + 30_000,
        estimateMs: settings.proxySync * 1000 + 500,
      };
      return [planned('drain-pods', name, { ...at, count: 0 }, times)];
    }
    // They end by its controller, after `scaleDownDelaySeconds`.
    case 'keep-warm':
    case 'stop':
      return [];
  }
}

/** What a plan sets up before such moves and puts back after them. Pure. */
export function surroundFollowed(
  own: OwnWorkload,
  to: OwnWorkload['revisions'][string],
  story: Story,
  canary: boolean,
): { before: PlannedStep[]; after: PlannedStep[] } {
  const { workload, revisions } = own;
  const from = Object.values(revisions).map(({ id }) => id);
  const set = { workload, release: to.id, template: to.template, from, story };
  const putBack = planned('put-back', workload, { workload, release: to.id, beside: true, story }, SHORT);
  return {
    before: [planned('undo-rollout', workload, set, SHORT)],
    after: [...(canary ? [] : [promoteStep(own, to.id, 'whole')]), { ...putBack, phase: 'tidy' }],
  };
}
