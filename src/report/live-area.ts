import type { TrafficShare } from '../model/event.ts';
import type { RunState } from '../model/run-state.ts';
import { formatDuration } from './format.ts';
import type { LiveSteps } from './live-steps.ts';
import { trafficLine } from './progress-lines.ts';
import type { TextLine } from './text-lines.ts';

export interface LiveAreaInput {
  state: RunState;
  /** Lines that are not printed yet. */
  open: TextLine[];
  steps: LiveSteps;
  traffic: TrafficShare | undefined;
  elapsedMs: number;
  /** One character. */
  spinner: string;
  tick: string;
}

/** The lines below the printed text while a run goes on. Pure; colours are put on by whoever draws it. */
export function liveArea({ state, open, steps, traffic, elapsedMs, spinner, tick }: LiveAreaInput): string[] {
  const lines = open.flatMap((line) => {
    if (line.settled) return line.steps.length > 0 ? [`${tick}${line.text.slice(1)}`] : [line.text];
    const begun = line.steps.some((id) => (state.steps.get(id)?.state ?? 'waiting') !== 'waiting');
    if (!begun) return [];
    const detail = [steps.detail(line.steps), steps.drained(line.steps)].filter(Boolean).join('; ');
    return [`${spinner}${line.text.slice(1)}${detail === '' ? '' : ` ${detail}`}`];
  });
  const waiting = new Set(open.flatMap((line) => line.steps));
  const details = state.plan.lines
    .map((line, i) => ({ line, i }))
    .filter(({ line }) => !line.steps.some((id) => waiting.has(id)))
    .flatMap(({ line, i }) => {
      const drained = steps.drained(line.steps);
      return drained === undefined ? [] : [`  [${i + 1}/${state.plan.lines.length}] ${drained}`];
    });
  return [
    ...lines,
    ...details,
    '',
    ...(traffic ? [trafficLine(traffic)] : []),
    `Elapsed: ${formatDuration(elapsedMs)}`,
    stopHint(state),
  ];
}

function stopHint(state: RunState): string {
  if (state.plan.direction === 'return')
    return 'Ctrl-C: goes on to the end of the way back; twice: leaves at once';
  if (state.movedAt === undefined) return 'Ctrl-C: stop; nothing has been moved yet';
  return 'Ctrl-C: stop safely at the next safe point';
}
