import { drainedIn } from '../model/drained.ts';
import type { Finding } from '../model/finding.ts';
import type { RunEnd } from '../model/journal.ts';
import type { RunState } from '../model/run-state.ts';
import { suspendedIn } from '../model/suspended.ts';
import { findingsOf } from './finding-lines.ts';
import { between, count, formatDuration, stopped, unstopped } from './format.ts';
import { leftOverLines } from './left-over-lines.ts';

/** How a run's text ends: what it came to, what runs now, and how to go on. Empty while it goes on. */
export function closingLines(state: RunState): string[] {
  if (state.end) {
    const left = leftOverLines(drainedIn(state), suspendedIn(state), state.asked.noun);
    return [...ended(state, state.end), ...left];
  }
  if (!state.stopped) return [];
  const lines = [`Stopped: ${stopped(state.stopped.why)}`, stopped(state.stopped.production)];
  return [...lines, `To go on: rollback-deploy-auto resume ${state.runId}`, ...wayBack(state)];
}

/** Validation of the plan that was carried out last towards the target. */
function validationOf(state: RunState): Finding[] {
  const made = state.plans.findLast(({ plan }) => plan.direction === 'back');
  const steps = made?.plan.steps.filter((step) => step.phase === 'confirm') ?? [];
  return steps.flatMap((step) => findingsOf(made?.steps.get(step.id)));
}

/** `v2.14.4, 3 instances.` where that is all of it, else the platform's own sentence. */
function startInFull(state: RunState, production: string): string {
  const { from, start, noun } = state.asked;
  const n = start.serving.length;
  const whole = start.canary === undefined && start.serving.every(({ release }) => release === from.id);
  const says = `${count(n, noun)} of ${from.version} ${n === 1 ? 'serves' : 'serve'}.`;
  return whole && production === says ? `${from.version}, ${count(n, noun)}.` : stopped(production);
}

function ended(state: RunState, end: RunEnd): string[] {
  const { asked, plan } = state;
  const took = formatDuration(between(state.startedAt, state.endedAt ?? state.lastAt));
  const to = asked.to.version;
  switch (end.on) {
    case 'target': {
      const moved = plan.steps.filter((step) => step.phase === 'move');
      const complete = moved.every((step) => state.steps.get(step.id)?.state === 'done');
      const came = complete ? `completed in ${took}` : `ended after ${took}`;
      const closing = confirmed(state, end)
        ? [`All ${asked.noun.many} healthy. Traffic fully restored.`]
        : [`Running ${to}; not confirmed: ${whyNot(state, end)}`];
      return [`Rollback to ${to} ${came}.`, ...closing];
    }
    case 'start':
      return [
        `Rollback to ${to} given up after ${took}.`,
        `Production is back where it started: ${startInFull(state, end.production)}`,
      ];
    case 'unchanged':
      return [
        `Rollback to ${to} not carried out: ${stopped(end.why)}`,
        `Nothing was changed: ${stopped(end.production)}`,
      ];
  }
}

function confirmed(state: RunState, end: RunEnd): boolean {
  const validation = validationOf(state);
  return end.exit === 0 && validation.length > 0 && validation.every(({ status }) => status === 'ok');
}

/** Why the target is not confirmed: what every open finding says alike, or all that was said. */
function whyNot(state: RunState, end: RunEnd): string {
  const validation = validationOf(state);
  if (validation.some(({ status }) => status === 'fail')) return lowerFirst(stopped(end.why));
  const open = validation.filter(({ status }) => status !== 'ok');
  if (open.length === 0) {
    return validation.length > 0 && end.exit !== 0 ? lowerFirst(stopped(end.why)) : notValidated(end);
  }
  const reasons = new Set(open.map(reasonIn));
  const said = reasons.size === 1 ? [...reasons] : open.map(({ title }) => title);
  return stopped(said.map(unstopped).join('; '));
}

/** `Error rate: 0.01% (no baseline)` and `p95 latency: no traffic to judge by`: what the title says of why. */
function reasonIn({ title }: Finding): string {
  return /\(([^()]+)\)$/.exec(title)?.[1] ?? /: (.+)$/.exec(title)?.[1] ?? title;
}

function notValidated(end: RunEnd): string {
  return end.exit === 0 ? 'nothing was validated.' : lowerFirst(stopped(end.why));
}

function wayBack({ runId, asked, plan, movedAt, steps }: RunState): string[] {
  if (plan.direction === 'return') return [];
  const passed = plan.steps.some(
    (step) => step.pointOfNoReturn && steps.get(step.id) && steps.get(step.id)?.state !== 'waiting',
  );
  if (passed) return [];
  const what = movedAt === undefined ? 'To give it up' : `To go back to ${asked.from.version}`;
  return [`${what}: rollback-deploy-auto abort ${runId}`];
}

function lowerFirst(text: string): string {
  // A version or a name keeps its first letter; a sentence inside a sentence does not.
  return /^[A-Z][a-z ]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
