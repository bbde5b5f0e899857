import { expect } from 'vitest';
import type { JournalEntry } from '../../src/model/journal.ts';
import type { Worker } from './worker-process.ts';

/** Every entry that a worker was told of is there exactly once, in its order; takings have epochs of their own. */
export function judgeEntries(
  entries: readonly JournalEntry[],
  workers: readonly Worker[],
): { names: string[]; epochs: number[] } {
  const names = entries.flatMap((entry) => (entry.type === 'started' ? [entry.step] : []));
  const epochs = entries.flatMap((entry) => (entry.type === 'leased' ? [entry.epoch] : []));
  expect(new Set(names).size).toBe(names.length);
  for (const { child, told } of workers) {
    const its = names.filter((name) => name.startsWith(`${child.pid}-`));
    // One that was killed may have written one more than it could tell.
    expect(its.slice(0, told.length)).toEqual(told);
    expect(its.length - told.length).toBeLessThanOrEqual(1);
  }
  expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
  return { names, epochs };
}
