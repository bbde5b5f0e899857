import { describe, expect, test } from 'vitest';
import { decide } from '../src/engine/decide.ts';
import type { Finding } from '../src/model/finding.ts';
import { runState } from '../src/model/run-state.ts';
import { planned, sampleStep } from './store/sample-run.ts';

const AT = '2026-11-23T21:03:40.000Z';

/** How a run ends whose only validation found this. */
function endOf(...findings: Partial<Finding>[]) {
  const steps = [sampleStep('validate', { kind: 'validate-traffic', phase: 'confirm' })];
  const complete = findings.map((each) => ({
    check: 'error-rate',
    title: 'Error rate: no source',
    evidence: [],
    blocking: false,
    fix: [],
    headline: true,
    status: 'unknown' as const,
    ...each,
  }));
  const output = { findings: complete };
  const state = runState([
    planned('r-1', { steps }),
    { type: 'done', at: AT, step: 'validate', output, observed: false },
  ]);
  return decide({ state, outcome: { kind: 'done' }, facts: undefined, rebuilds: 0, resumed: false });
}

describe('what nothing can measure', () => {
  test('leaves nothing open: the run is confirmed by what could be seen', () => {
    expect(endOf({ absent: true }, { absent: true })).toEqual({
      kind: 'end',
      on: 'target',
      confirmed: true,
      why: 'All on v2.14.3.',
    });
  });

  test('does not hide what is unknown otherwise', () => {
    expect(endOf({ absent: true }, { title: 'p95 latency: not measured' })).toMatchObject({
      confirmed: false,
      why: 'p95 latency: not measured',
    });
  });
});
