import type { Holder, JournalEntry } from '../../src/model/journal.ts';
import type { Plan, PlannedStep } from '../../src/model/plan.ts';

export const ANA: Holder = {
  host: 'build-7',
  user: 'ana',
  pid: 4711,
  processStart: '218479@f56164db/4026531836',
};
export const BEN: Holder = { host: 'laptop', user: 'ben', pid: 815, processStart: '99@0a0b0c0d/4026531836' };

export function samplePlan(runId: string, changes: Partial<Plan> = {}): Plan {
  return {
    format: 1,
    runId,
    service: 'shop',
    target: 'local/shop',
    platform: 'local',
    noun: { one: 'instance', many: 'instances' },
    direction: 'back',
    from: { id: 'r4', version: 'v2.14.4', digest: 'sha256:44' },
    to: { id: 'r3', version: 'v2.14.3', digest: 'sha256:33' },
    strategy: 'rolling',
    instances: 3,
    start: { current: 'r4', canary: undefined, serving: [], failing: { is: true, evidence: ['5 % errors'] } },
    steps: [],
    lines: [],
    findings: [],
    preconditions: [],
    estimateMs: 1000,
    concurrency: 2,
    request: { by: 'ana', reason: 'orders fail', timeoutS: 300, monitorS: 0, backup: true, accepted: [] },
    createdAt: '2026-11-23T21:03:38.000Z',
    hash: 'hash-1',
    ...changes,
  };
}

export function sampleStep(id: string, changes: Partial<PlannedStep> = {}): PlannedStep {
  return { id, kind: id, phase: 'move', input: {}, after: [], safePoint: true, timeoutMs: 1000, ...changes };
}

export function planned(runId: string, changes: Partial<Plan> = {}): JournalEntry {
  return {
    type: 'planned',
    at: '2026-11-23T21:03:38.000Z',
    plan: samplePlan(runId, changes),
    why: 'asked for',
  };
}

/** An entry that can be told from all others. */
export function started(step: string): JournalEntry {
  return { type: 'started', at: '2026-11-23T21:03:39.000Z', step, before: null };
}
