import type { RunEvent } from '../model/event.ts';
import { formatDuration } from './format.ts';
import { requests } from './progress-lines.ts';

/** What is known of the steps only while they are watched: it is for the live view, and not in the journal. */
export interface LiveSteps {
  apply(event: RunEvent): void;
  /** What goes on in these steps: `14 requests in flight, 3.2s`; empty where none has begun. */
  detail(steps: string[]): string;
  /** `drained 312 requests in 1.2s`, once all that was in flight is answered; undefined where nothing was drained. */
  drained(steps: string[]): string | undefined;
}

interface Watched {
  startedAt: number;
  doneAt: number | undefined;
  message: string | undefined;
  /** Most that was seen in flight, and what is now; undefined where the step drains nothing. */
  inFlight: { most: number; now: number } | undefined;
}

/** `now` is in ms and never goes back. */
export function createLiveSteps(now: () => number): LiveSteps {
  const watched = new Map<string, Watched>();
  const of = (steps: string[]) => steps.flatMap((id) => watched.get(id) ?? []);

  return {
    apply(event) {
      if (event.type === 'entry') {
        const { entry } = event;
        if (entry.type === 'planned') watched.clear();
        if (entry.type === 'started') {
          const begun = { startedAt: now(), doneAt: undefined, message: undefined, inFlight: undefined };
          watched.set(entry.step, begun);
        }
        if (entry.type === 'done' || entry.type === 'failed') {
          const step = watched.get(entry.step);
          if (step) step.doneAt = now();
        }
      }
      if (event.type === 'progress') {
        const step = watched.get(event.step);
        if (!step) return;
        step.message = event.message;
        if (event.inFlight === undefined) return;
        const most = Math.max(event.inFlight, step.inFlight?.most ?? 0);
        step.inFlight = { most, now: event.inFlight };
      }
    },
    detail(steps) {
      const going = of(steps).filter((step) => step.doneAt === undefined);
      const begun = of(steps).map((step) => step.startedAt);
      if (begun.length === 0) return '';
      const draining = going.filter((step) => step.inFlight !== undefined);
      const inFlight = draining.reduce((sum, step) => sum + (step.inFlight?.now ?? 0), 0);
      const messages = new Set(going.filter((step) => !step.inFlight).flatMap((step) => step.message ?? []));
      const said = [
        ...(draining.length > 0 ? [`${requests(inFlight)} in flight`] : []),
        ...[...messages].slice(-1),
        formatDuration(now() - Math.min(...begun)),
      ];
      return said.join(', ');
    },
    drained(steps) {
      const drains = of(steps).filter((step) => step.inFlight !== undefined && step.doneAt !== undefined);
      if (drains.length === 0) return undefined;
      const total = drains.reduce((sum, step) => sum + (step.inFlight?.most ?? 0), 0);
      return `drained ${requests(total)} in ${formatDuration(covered(drains))}`;
    },
  };
}

/** Time in which at least one of them was going on: drains may overlap, and may have other steps between them. */
function covered(steps: Watched[]): number {
  let total = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { startedAt, doneAt } of [...steps].sort((a, b) => a.startedAt - b.startedAt)) {
    const end = doneAt ?? startedAt;
    total += Math.max(0, end - Math.max(startedAt, until));
    until = Math.max(until, end);
  }
  return total;
}
