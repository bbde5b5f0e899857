import type { PlatformFacts } from '../../../model/facts.ts';
import type { Move } from '../../../model/move.ts';
import type { PlannedStep, SurroundingSteps } from '../../../model/plan.ts';
import type { Story } from './events.ts';
import { expandInPlace } from './expand-in-place.ts';
import { type OwnFacts, type OwnWorkload, ownFacts } from './own-facts.ts';
import { reconcilerSteps } from './owners/reconciler-steps.ts';
import { controlling, planned, SHORT, slotsText, startEstimate, writing } from './planned-step.ts';
import { mostBeside } from './preflight/room.ts';
import { versionOf } from './release-of.ts';
import {
  expandFollowed,
  firstIn,
  promoteStep,
  releaseSet,
  surroundFollowed,
} from './rollout/expand-rollout.ts';
import type { KubernetesSettings } from './settings.ts';
import { parseWorkload } from './view.ts';

/**
 * How moves are done here. Pods of one revision are alike and their names are the controller's, so steps name counts:
 * how many are healthy, in rotation, left. Pure.
 */
export function expandMove(move: Move, facts: PlatformFacts, settings: KubernetesSettings): PlannedStep[] {
  const alone = aloneOf(facts, move.part);
  const [own] = ownFacts(alone).workloads as [OwnWorkload];
  return MOVES[own.mode](own, move, alone, settings);
}

const MOVES = {
  surge: expandFor,
  paused: expandFor,
  followed: expandFollowed,
  delete: expandInPlace,
  recreate: expandInPlace,
};

/**
 * What a plan sets up before its first move, and puts back after the last; of several workloads each for itself, one
 * that has what it shall have and was not touched not at all.
 */
export function surroundMoves(moves: Move[], facts: PlatformFacts, earlier: PlannedStep[]): SurroundingSteps {
  const { before: suspend, after: resume } = aroundReconcilers(facts, earlier);
  if (!facts.parts) {
    const own = surroundWorkloads(moves, facts, earlier);
    return { before: [...suspend, ...own.before], after: [...own.after, ...resume] };
  }
  const parts = facts.parts.map(({ name }) => {
    const mine = moves.filter(({ part }) => part === name);
    return [name, surroundWorkloads(mine, aloneOf(facts, name), earlier)] as const;
  });
  return { before: suspend, after: resume, parts: Object.fromEntries(parts) };
}

/** A workload of several as if it were all; the facts themselves where it is. */
export function aloneOf(facts: PlatformFacts, part: string | undefined): PlatformFacts {
  const found = facts.parts?.find(({ name }) => name === part);
  if (!found) return facts;
  const { parts: _, ...service } = facts;
  const { name, ids: __, ...alone } = found;
  const own = ownFacts(facts);
  const workloads = own.workloads.filter(({ workload }) => workload === name);
  return { ...service, ...alone, own: { ...own, workloads } satisfies OwnFacts };
}

function surroundWorkloads(moves: Move[], facts: PlatformFacts, earlier: PlannedStep[]): SurroundingSteps {
  const last = moves.findLast((move) => move.kind === 'set-current');
  const by = moves.some((move) => move.kind === 'switch') ? 'all' : 'each';
  const first = moves.find((move) => move.kind === 'start');
  const before: PlannedStep[] = [];
  const after: PlannedStep[] = [];
  for (const own of ownFacts(facts).workloads) {
    const { workload, current, mode, marked } = own;
    const to = own.revisions[(last && releaseSet(last, mode)) ?? ''];
    if (!to) continue;
    const moved = moves.some((move) => move.kind !== 'set-current');
    if (!moved && !marked && current === to.id) continue;
    const surge = Math.max(0, facts.instances.length + (first?.slots.length ?? 0) - own.replicas);
    // Labels of every pod, unless all traffic goes over in one change.
    const all = by === 'each' ? writing(facts.instances.length) : SHORT;
    const from = Object.values(own.revisions).map(({ id }) => id);
    const story = storyOf(own, to.id, earlier);
    // A Rollout that goes back to a canary in progress.
    const canary = last?.canary !== undefined && last.canary === releaseSet(last, mode);
    if (mode === 'followed') {
      const around = surroundFollowed(own, to, story, canary);
      before.push(...around.before);
      after.push(...around.after);
      continue;
    }
    const hold = { workload, by, release: current ?? to.id, story };
    const many = (first?.slots.length ?? 0) > 1 && { labelLater: true };
    before.push(planned('hold-traffic', workload, { ...hold, ...many }, all));
    // There the template ends what serves, so it is set only once that is drained.
    if (mode !== 'recreate') {
      const input = { workload, release: to.id, template: to.template, from, surge, mode };
      before.push(planned('set-template', workload, input, SHORT));
    }
    if (mode === 'paused' && !canary) after.push(promoteStep(own, to.id, 'whole'));
    const putBack = { workload, release: to.id, story, ...(canary && { beside: true }) };
    after.push({ ...planned('put-back', workload, putBack, all), phase: 'tidy' });
  }
  return { before, after };
}

/** The revision that the run started from is known by its first plan. */
function storyOf(own: OwnWorkload, to: string, earlier: PlannedStep[]): Story {
  const version = (id: string) => {
    const revision = own.revisions[id];
    return revision ? versionOf(revision.template) : id;
  };
  const before = earlier
    .filter(({ kind }) => kind === 'put-back')
    .map(({ input }) => input as { workload: string; story?: Story })
    .find(({ workload }) => workload === own.workload)?.story;
  const from = own.current ?? to;
  return {
    from: before?.from ?? { id: from, version: version(from) },
    to: { id: to, version: version(to) },
    again: earlier.length > 0,
  };
}

/** Suspended before the first move; a plan that goes on or back only tries to resume what is suspended already. */
function aroundReconcilers(
  facts: PlatformFacts,
  earlier: PlannedStep[],
): { before: PlannedStep[]; after: PlannedStep[] } {
  const { reconcilers = [], reason = '', workloads } = ownFacts(facts);
  if (earlier.length > 0) {
    return { before: [], after: earlier.filter(({ kind }) => kind === 'resume-reconciler') };
  }
  const [, namespace = ''] = facts.target.split('/');
  return reconcilerSteps(reconcilers, {
    by: 'rollback-deploy-auto',
    why: reason,
    workloads: workloads.map(({ workload }) => ({ namespace, workload: parseWorkload(workload) })),
  });
}

/** Until the controller has asked one pod to end; one that ends in place of another must have drained, too. */
function stopTimes({ drainTimeout }: KubernetesSettings): { timeoutMs: number; estimateMs: number } {
  return { timeoutMs: drainTimeout * 1000 + 60_000, estimateMs: 200 };
}

function expandFor(
  own: OwnWorkload,
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] {
  const { workload, replicas } = own;
  const release = releaseSet(move, own.mode);
  const revision = own.revisions[release]?.id ?? release;
  if (move.kind === 'set-current') {
    return [planned('check-template', workload, { workload, release: revision }, SHORT)];
  }
  const { slots } = move;
  const isBound = facts.beside !== undefined && facts.beside < mostBeside(replicas);
  const beside = isBound ? facts.beside : undefined;
  const last = Math.max(...slots);
  const there = facts.instances.filter((one) => one.release === release);
  // What was there in higher slots stays beside what comes up to this one.
  const comes =
    firstIn(own, slots) + there.filter(({ slot, inRotation }) => slot > last && inRotation).length;
  const stays = there.filter(({ slot }) => slot > last).length;
  const name = `${workload}:${slotsText(slots, own)}:${revision}`;
  const known = Object.values(own.revisions).map(({ id }) => id);
  const at = { workload, release: revision, replicas, ...(beside !== undefined && { beside }) };
  const others = slots.length - 1;
  switch (move.kind) {
    case 'start':
      return [
        planned(
          'start-pods',
          name,
          {
            ...at,
            count: comes,
            known,
            ...(own.mode === 'paused' && { mode: own.mode }),
          },
          controlling(others, {
            timeoutMs: settings.startTimeout * 1000 + 10_000,
            estimateMs: startEstimate(facts, release),
          }),
        ),
      ];
    case 'admit':
      return [planned('admit-pods', name, { ...at, count: comes }, writing(slots.length))];
    case 'drain':
      return [
        planned(
          'drain-pods',
          name,
          { ...at, count: stays },
          writing(slots.length, {
            timeoutMs: settings.drainTimeout * 1000 + 30_000,
            estimateMs: own.hasServices ? settings.proxySync * 1000 + 500 : 100,
          }),
        ),
      ];
    // One Deployment can't keep a replaced revision running without holding its Services' selectors meanwhile.
    case 'keep-warm':
    case 'stop':
      return [planned('stop-pods', name, { ...at, count: stays }, controlling(others, stopTimes(settings)))];
    case 'switch':
      return [planned('switch-selector', name, { ...at, count: slots.length }, SHORT)];
  }
}
