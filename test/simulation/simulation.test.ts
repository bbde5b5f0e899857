import { expect, test } from 'vitest';
import { runSchedule } from './schedule.ts';

const SCHEDULES = Number(process.env.SCHEDULES ?? 10_000);
const FIRST = Number(process.env.SEED ?? 1);

test(`${SCHEDULES} seeded fault schedules keep the rules of a run`, { timeout: 600_000 }, async () => {
  const ends = new Map<string, number>();
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed++) {
    const result = await runSchedule(seed);
    expect(result.violations, `replay: SEED=${seed} SCHEDULES=1 npm test -- simulation`).toEqual([]);
    ends.set(result.end, (ends.get(result.end) ?? 0) + 1);
  }
  if (SCHEDULES >= 1_000) expect([...ends.keys()].sort()).toEqual(['start', 'target', 'unchanged']);
});

test('the same seed gives the same run', async () => {
  expect(await runSchedule(4711)).toEqual(await runSchedule(4711));
});
