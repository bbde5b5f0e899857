import { serves } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { StartState } from '../model/plan.ts';
import { leaveMoves } from './rolling.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { slotName } from './strategy.ts';

/**
 * Back to exactly what served when the run started, from whatever there is now: what is missing is started and
 * admitted, and only then what was not there is drained and stopped. The same for every strategy.
 */
export function goingBack(situation: Situation, start: StartState): StrategyPlan {
  const { facts, to } = situation;
  const wanted = new Set(start.serving.map(key));
  const present = new Set(facts.instances.filter(serves).map(key));
  const moves: Move[] = [];
  const lines: MoveLine[] = [];
  const admits: string[] = [];
  for (const { slot, release } of start.serving) {
    if (present.has(key({ slot, release }))) continue;
    const name = `${slotName(slot, situation)}:${release}`;
    moves.push({ id: `start:${name}`, kind: 'start', slot, release, after: [] });
    moves.push({ id: `admit:${name}`, kind: 'admit', slot, release, after: [`start:${name}`] });
    admits.push(`admit:${name}`);
  }
  if (moves.length > 0) {
    const noun = admits.length === 1 ? facts.noun.one : facts.noun.many;
    const label = `Restoring ${to.version} (${admits.length} ${noun})`;
    lines.push({ label, doneWord: 'healthy', moves: moves.map((move) => move.id) });
  }
  const stops: string[] = [];
  for (const instance of facts.instances) {
    if (wanted.has(key(instance))) continue;
    if (!instance.inRotation && instance.warmUntil !== undefined) continue;
    const leaving = leaveMoves(instance, situation, admits);
    moves.push(...leaving.moves);
    stops.push(leaving.drain, leaving.stop);
  }
  if (stops.length > 0) {
    lines.push({ label: `Removing ${situation.from.version}`, doneWord: 'done', moves: stops });
  }
  const after = moves.map((move) => move.id);
  const canary = start.canary === undefined ? {} : { canary: start.canary };
  moves.push({ id: 'set-current', kind: 'set-current', release: start.current, ...canary, after });
  return { moves, lines };
}

function key({ slot, release }: { slot: number; release: string }): string {
  return `${release}/${slot}`;
}
