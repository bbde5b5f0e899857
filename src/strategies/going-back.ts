import { serves } from '../model/facts.ts';
import type { Move } from '../model/move.ts';
import type { StartState, Strategy } from '../model/plan.ts';
import { inPlace } from './in-place.ts';
import { leaveMoves } from './leave.ts';
import { rolling } from './rolling.ts';
import type { MoveLine, Situation, StrategyPlan } from './strategy.ts';
import { byRelease, slotName } from './strategy.ts';

/**
 * Back to exactly what served when the run started, from whatever there is now: what is missing is started and
 * admitted, and only then what was not there is drained and stopped. What was to be moved by one switch goes back by
 * one switch. Where there is no room for all that is missing at once, it goes back as it came, batch by batch.
 */
export function goingBack(situation: Situation, start: StartState, strategy: Strategy): StrategyPlan {
  if (!situation.facts.surge) return inPlace(situation);
  const { facts, to } = situation;
  const wanted = new Set(start.serving.map(key));
  const present = new Set(facts.instances.filter(serves).map(key));
  const missing = start.serving.filter((one) => !present.has(key(one)));
  if (strategy === 'rolling' && isWhole(start, situation) && !hasRoomFor(missing.length, situation)) {
    return rolling(situation);
  }
  const moves: Move[] = [];
  const lines: MoveLine[] = [];
  const restored: string[] = [];
  const bySwitch = switchesBack(start, strategy);
  for (const group of byRelease(missing)) {
    const name = `${slotName(group.slots, situation)}:${group.release}`;
    moves.push({ id: `start:${name}`, kind: 'start', ...group, after: [] });
    restored.push(`start:${name}`);
    if (bySwitch) continue;
    moves.push({ id: `admit:${name}`, kind: 'admit', ...group, after: [`start:${name}`] });
    restored.push(`admit:${name}`);
  }
  if (bySwitch && missing.length > 0) {
    const slots = start.serving.map(({ slot }) => slot);
    moves.push({ id: 'switch', kind: 'switch', to: start.current, slots, after: [...restored] });
    restored.push('switch');
  }
  if (moves.length > 0) {
    const noun = missing.length === 1 ? facts.noun.one : facts.noun.many;
    const label = `Restoring ${to.version} (${missing.length} ${noun})`;
    lines.push({ label, doneWord: 'healthy', moves: [...restored] });
  }
  const leaving = facts.instances.filter(
    (instance) => !wanted.has(key(instance)) && (instance.inRotation || instance.warmUntil === undefined),
  );
  const gone: string[] = [];
  for (const group of byRelease(leaving)) {
    const { moves: leave, drain, stop } = leaveMoves(group, situation, restored);
    moves.push(...leave);
    gone.push(drain, stop);
  }
  if (gone.length > 0) {
    lines.push({ label: `Removing ${situation.from.version}`, doneWord: 'done', moves: gone });
  }
  const after = moves.map((move) => move.id);
  const canary = start.canary === undefined ? {} : { canary: start.canary };
  moves.push({ id: 'set-current', kind: 'set-current', release: start.current, ...canary, after });
  return { moves, lines };
}

function switchesBack(start: StartState, strategy: Strategy): boolean {
  return ofOneRelease(start) && (strategy === 'blue-green' || strategy === 'instant');
}

function ofOneRelease({ serving, current }: StartState): boolean {
  return serving.length > 0 && serving.every(({ release }) => release === current);
}

/** As many as shall serve, all of the release that is gone back to. */
function isWhole(start: StartState, { instances, to }: Situation): boolean {
  return ofOneRelease(start) && start.current === to.id && start.serving.length === instances;
}

function hasRoomFor(missing: number, { facts, instances }: Situation): boolean {
  return facts.beside === undefined || facts.instances.length + missing <= instances + facts.beside;
}

function key({ slot, release }: { slot: number; release: string }): string {
  return `${release}/${slot}`;
}
