import { EXIT, RollbackError } from '../../../model/error.ts';
import type { PlatformFacts } from '../../../model/facts.ts';
import type { Move } from '../../../model/move.ts';
import type { PlannedStep } from '../../../model/plan.ts';
import type { OwnWorkload } from './own-facts.ts';
import { planned, SHORT, slotsText, startEstimate } from './planned-step.ts';
import type { KubernetesSettings } from './settings.ts';

/** Kubernetes API, PodSpec, s. */
const DEFAULT_GRACE = 30;

/**
 * How moves are done where no new pod may run beside the old one. Once a pod is drained the plan goes on until its
 * replacement serves, also when it is asked to stop: what is drained serves nobody. Pure.
 */
export function expandInPlace(
  own: OwnWorkload,
  move: Move,
  facts: PlatformFacts,
  settings: KubernetesSettings,
): PlannedStep[] {
  const { workload, replicas, mode } = own;
  if (move.kind === 'switch') throw noSwitch(workload);
  const revision = own.revisions[move.release]?.id ?? move.release;
  if (move.kind === 'set-current') {
    const check = planned('check-template', workload, { workload, release: revision }, SHORT);
    // Where nothing had to be started the template was not set by a start.
    return mode === 'recreate' && own.current !== revision
      ? chain([setTemplate(own, move.release, workload), check])
      : [check];
  }
  const { slots } = move;
  const name = `${workload}:${slotsText(slots, own)}:${revision}`;
  const at = { workload, release: revision, replicas };
  const grace = graceOf(own) * 1000;
  switch (move.kind) {
    case 'start': {
      const known = Object.values(own.revisions).map(({ id }) => id);
      const startMs = settings.startTimeout * 1000 + 10_000;
      const input = { ...at, ...comingTo(own, slots, facts, move.release), known, mode };
      const start = unsafe(
        planned('start-pods', name, input, {
          timeoutMs: mode === 'recreate' ? startMs + grace : startMs,
          estimateMs: startEstimate(facts, move.release),
        }),
      );
      return mode === 'recreate' ? chain([unsafe(setTemplate(own, move.release, name)), start]) : [start];
    }
    case 'admit':
      return [planned('admit-pods', name, { ...at, ...comingTo(own, slots, facts, move.release) }, SHORT)];
    case 'drain': {
      const input = { ...at, count: 0, ...leavingFrom(own, slots) };
      const times = {
        timeoutMs: settings.drainTimeout * 1000 + 30_000,
        estimateMs: own.hasServices ? settings.proxySync * 1000 + 500 : 100,
      };
      return [unsafe(planned('drain-pods', name, input, times))];
    }
    case 'keep-warm':
    case 'stop': {
      // The controller ends all of them at once when it gets the template; see `start`.
      if (mode === 'recreate') return [];
      const input = { ...at, ...leavingFrom(own, slots) };
      return [unsafe(planned('delete-pods', name, input, { timeoutMs: grace + 60_000, estimateMs: 1_000 }))];
    }
  }
}

function setTemplate(own: OwnWorkload, release: string, name: string): PlannedStep {
  const { workload, revisions, mode } = own;
  const to = revisions[release];
  if (!to) throw new TypeError(`${workload} has no revision of ${release}.`);
  const from = Object.values(revisions).map(({ id }) => id);
  const input = { workload, release: to.id, template: to.template, from, surge: 0, mode };
  return planned('set-template', name, input, SHORT);
}

/** By their places where all are known, else by the count of the whole workload. */
function comingTo(
  own: OwnWorkload,
  slots: number[],
  facts: PlatformFacts,
  release: string,
): { count: number; places?: string[] } {
  const places = placesAt(own, slots);
  if (places?.length === slots.length) return { count: slots.length, places };
  const last = Math.max(...slots);
  const higher = facts.instances.filter(
    (one) => one.release === release && one.slot > last && one.inRotation,
  );
  return { count: last + higher.length };
}

/** What leaves is there, so its places are known. */
function leavingFrom(own: OwnWorkload, slots: number[]): { places?: string[] } {
  const places = placesAt(own, slots);
  return places ? { places } : {};
}

function placesAt({ places }: OwnWorkload, slots: number[]): string[] | undefined {
  return places && slots.flatMap((slot) => places[slot - 1] ?? []);
}

/** The longest that any known revision's pods may take to end, s. */
function graceOf({ revisions }: OwnWorkload): number {
  const all = Object.values(revisions).map(({ template }) => template.spec.terminationGracePeriodSeconds);
  return Math.max(DEFAULT_GRACE, ...all.map((seconds) => seconds ?? DEFAULT_GRACE));
}

function unsafe(step: PlannedStep): PlannedStep {
  return { ...step, safePoint: false };
}

function chain(steps: PlannedStep[]): PlannedStep[] {
  return steps.map((step, i) => (i === 0 ? step : { ...step, after: [(steps[i - 1] as PlannedStep).id] }));
}

function noSwitch(workload: string): RollbackError {
  return new RollbackError({
    code: 'STRATEGY_UNAVAILABLE',
    summary: `No new pod of ${workload} may run beside an old one`,
    detail: 'Blue-green and instant start all pods of the target beside those that serve.',
    fix: 'Replace its pods in place: --strategy rolling',
    exit: EXIT.usage,
  });
}
