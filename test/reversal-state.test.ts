import { describe, expect, test } from 'vitest';
import type { PlannedStep } from '../src/model/plan.ts';
import { describeReversal, reversalState } from '../src/model/reversal-state.ts';
import type { RunState, StepStatus } from '../src/model/run-state.ts';

const at = '2026-03-15T10:32:00.000Z';

function stateOf(status: StepStatus): Pick<RunState, 'plans' | 'asked'> {
  const step = {
    id: 'reverse-migration:2',
    kind: 'reverse-migration',
    input: { down: { version: '2', file: '2.sql' } },
  };
  const plan = { steps: [step as unknown as PlannedStep], from: { version: 'v2' }, to: { version: 'v1' } };
  return {
    asked: plan as unknown as RunState['asked'],
    plans: [{ plan: plan as unknown as RunState['asked'], why: '', at, steps: new Map([[step.id, status]]) }],
  };
}
const failed = (code: string): StepStatus => ({
  state: 'failed',
  at,
  error: { code, summary: '', detail: 'The first 1 of its 2 statements took effect.', fix: 'Mend it.' },
});

describe('what is told of the database after a reversal', () => {
  test.each<[string, StepStatus, string[]]>([
    [
      'done',
      { state: 'done', at, output: { tookMs: 3 } },
      ['Taken back in the database: 2.sql; v2 and v1 both fit.'],
    ],
    ['left as it was', { state: 'done', at, output: { left: true } }, []],
    [
      'cut off',
      { state: 'started', at, before: null },
      ['Whether 2.sql was taken back is not known; resume looks at it.'],
    ],
    ['failed with nothing changed', failed('DOWN_FAILED'), []],
    ['tried on another schema', failed('DOWN_NOT_TRIED'), []],
    ['in part', failed('DOWN_BETWEEN'), ['2.sql: The first 1 of its 2 statements took effect. Mend it.']],
    [
      'out of time',
      failed('STEP_TIMEOUT'),
      ['2.sql: whether it was taken back is not known; another reversal looks at it first.'],
    ],
  ])('%s', (_, status, told) => {
    expect(describeReversal(stateOf(status))).toEqual(told);
    expect(reversalState(stateOf(status)).done).toHaveLength(told[0]?.startsWith('Taken') ? 1 : 0);
  });
});
