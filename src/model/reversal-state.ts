import type { PlannedStep } from './plan.ts';
import type { Down } from './reversal.ts';
import type { RunState } from './run-state.ts';

/** Migrations that a run set out to take back, and how far it came; of every plan. */
export interface ReversalState {
  done: { version: string; file: string; tookMs: number | undefined }[];
  /** Begun, and not known to have taken effect or not; `why` where a part of it took effect, or the run does not go on. */
  uncertain: { version: string; file: string; why?: string }[];
}

const UNKNOWN = 'whether it was taken back is not known; another reversal looks at it first.';
/** Errors after which the database is as it was. */
const NOTHING_CHANGED = ['DOWN_FAILED', 'DOWN_LOCKED', 'DOWN_NOT_NEXT', 'DOWN_NOT_TRIED'];

export function reversalState({ plans }: Pick<RunState, 'plans'>): ReversalState {
  const done = new Map<string, ReversalState['done'][number]>();
  const uncertain = new Map<string, ReversalState['uncertain'][number]>();
  for (const { plan, steps } of plans) {
    for (const step of plan.steps) {
      const down = downOf(step);
      const status = steps.get(step.id);
      if (!down || !status) continue;
      const { version, file } = down;
      if (status.state === 'done') {
        const { tookMs, left } = (status.output ?? {}) as { tookMs?: number; left?: true };
        if (!left) done.set(version, { version, file, tookMs });
        uncertain.delete(version);
      } else if (status.state === 'started') uncertain.set(version, { version, file });
      else if (status.state === 'failed' && status.error.code === 'DOWN_BETWEEN')
        uncertain.set(version, { version, file, why: `${status.error.detail} ${status.error.fix}` });
      else if (status.state === 'failed' && !NOTHING_CHANGED.includes(status.error.code))
        uncertain.set(version, { version, file, why: UNKNOWN });
    }
  }
  return { done: [...done.values()], uncertain: [...uncertain.values()] };
}

/** What the database is like after it, in full sentences; none where no migration was touched. */
export function describeReversal(state: Pick<RunState, 'plans' | 'asked'>): string[] {
  const { done, ...of } = reversalState(state);
  const uncertain = of.uncertain.filter(({ why }) => why === undefined);
  const partly = of.uncertain.flatMap(({ file, why }) => (why === undefined ? [] : [`${file}: ${why}`]));
  const { from, to } = state.asked;
  const files = (all: { file: string }[]) => all.map(({ file }) => file).join(', ');
  return [
    ...(done.length > 0
      ? [`Taken back in the database: ${files(done)}; ${from.version} and ${to.version} both fit.`]
      : []),
    ...(uncertain.length > 0
      ? [`Whether ${files(uncertain)} was taken back is not known; resume looks at it.`]
      : []),
    ...partly,
  ];
}

function downOf({ kind, input }: PlannedStep): Down | undefined {
  return kind === 'reverse-migration' ? (input as { down: Down }).down : undefined;
}
