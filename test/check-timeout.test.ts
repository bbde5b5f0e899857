import { describe, expect, it } from 'vitest';
import { checkTimeout, fewestWithin } from '../src/checks/timeout.ts';
import { buildPlan } from '../src/engine/plan.ts';
import type { PlatformFacts } from '../src/model/facts.ts';
import type { Release } from '../src/model/release.ts';

describe('the fewest at once that are done in time', () => {
  it('is the smallest that fits, and none where not even all at once do', () => {
    const takes = (batch: number) => Math.ceil(1000 / batch) * 2_000;
    expect(fewestWithin(200, 1000, takes)).toBe(10);
    expect(fewestWithin(2_000, 1000, takes)).toBe(1);
    expect(fewestWithin(2, 1000, takes)).toBe(1000);
    expect(fewestWithin(1, 1000, takes)).toBeUndefined();
    expect(fewestWithin(10, 0, takes)).toBeUndefined();
  });

  it('is named where the plan takes too long, and what is moved at once where it fits', () => {
    const late = checkTimeout(2_000_000, 300, { batch: 1, noun: 'pods', fits: 10 });
    expect(late).toMatchObject({ status: 'fail', blocking: true });
    expect(late.fix).toContain('Move more at once: --batch 10');
    expect(checkTimeout(2_000, 300, { batch: 10, noun: 'pods', fits: undefined })).toMatchObject({
      status: 'ok',
      title: 'Estimated 2.0 s with 10 pods at once, within the 300 s allowed',
    });
    expect(checkTimeout(500_000, 300).fix.join()).not.toContain('--batch');
  });
});

it('a plan of more at once is estimated to take less', () => {
  const release = (id: string) => ({ id, version: id, image: { digest: undefined } }) as unknown as Release;
  const [from, to] = [release('new'), release('old')];
  const facts = {
    service: 'api',
    platform: 'kubernetes',
    noun: { one: 'pod', many: 'pods' },
    current: 'new',
    releases: [to, from],
    instances: Array.from({ length: 40 }, (_, i) => ({
      id: `api-${i}`,
      slot: i + 1,
      release: 'new',
      state: 'ready',
      inRotation: true,
    })),
    desired: 40,
    surge: true,
  } as unknown as PlatformFacts;
  const plan = (batch: number) =>
    buildPlan(
      {
        ...{ runId: 'r', createdAt: '', facts: { platform: facts }, from, to, strategy: 'rolling' },
        ...{
          request: { accepted: [] },
          findings: [],
          failing: undefined,
          keepWarmMs: 0,
          batch,
          prove: [],
          confirm: [],
        },
        ...{ concurrency: 16, earlier: [] },
      } as unknown as Parameters<typeof buildPlan>[0],
      {
        expand: ({ id, kind }) => [
          {
            ...{ id, kind, phase: 'move', input: {}, after: [], safePoint: true, timeoutMs: 1000 },
            estimateMs: 1000,
          },
        ],
      },
    ).estimateMs;
  const fits = fewestWithin(20, 40, plan) as number;
  expect(plan(fits)).toBeLessThanOrEqual(20_000);
  expect(plan(fits - 1)).toBeGreaterThan(20_000);
});
