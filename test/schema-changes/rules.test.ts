import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import type { Verdict } from '../../src/schema-changes/verdict.ts';
import { worstVerdict } from '../../src/schema-changes/verdict.ts';
import { type Example, READS, SHOP, WRITES } from './examples/example.ts';
import { EXAMPLES } from './examples/index.ts';
import { AVAILABLE, type EngineName, type TrialDatabase, trialDatabase } from './servers.ts';
import { type Outcome, type Trial, tryOldCode } from './trial.ts';

const ENGINES: EngineName[] = ['postgresql', 'mysql', 'sqlite'];

describe.each(ENGINES)('rules on a real %s', (engine) => {
  const examples = EXAMPLES.filter(({ engines }) => engines.includes(engine));
  let database: TrialDatabase;
  beforeAll(async () => {
    if (AVAILABLE[engine]) database = await trialDatabase(engine);
  });
  afterAll(async () => {
    await database?.close();
  });

  test.skipIf(!AVAILABLE[engine]).each(examples)('$rule, $finds: $what', async (example) => {
    const { findings } = await judgeSpan(spanOf(example), engine);
    const worst = worstVerdict(findings);
    const told = findings.map(({ rule, verdict, why }) => `${rule}: ${verdict}: ${why}`).join('\n');
    expect(worst, told).toBe(example.finds);
    if (example.finds !== 'safe') {
      const expected = [...(example.also ?? []), example.rule].sort();
      const rules = findings.filter((f) => f.verdict !== 'safe').map((f) => f.rule);
      expect([...new Set(rules)].sort(), told).toEqual(expected);
    }
    const outcome = await tryOldCode(database, trialOf(example));
    expect(outcome.ignored).toEqual([]);
    expect(MEANS[example.finds](outcome), `${JSON.stringify(outcome)}\n${told}`).toBe(true);
    if (example.finds !== 'conditional') return;
    // The condition is what makes it fail.
    const met = await tryOldCode(database, { ...trialOf(example), ...example.met });
    expect(isUnharmed(met), `${JSON.stringify(met)}\n${told}`).toBe(false);
    for (const { verdict, when } of findings) if (verdict === 'conditional') expect(when).toBeTruthy();
  });
});

/** What a real database must show of old code for a verdict to be true; `unknown` promises nothing. */
const MEANS: Record<Verdict, (outcome: Outcome) => boolean> = {
  safe: isUnharmed,
  conditional: isUnharmed,
  unknown: () => true,
  'writes-fail': ({ reads, writes }) => reads === 'same' && writes !== 'work',
  'reads-fail': ({ reads }) => reads !== 'same',
  'data-destroyed': ({ reads }) => reads !== 'same',
};

function isUnharmed({ reads, writes }: Outcome): boolean {
  return reads === 'same' && writes === 'work';
}

function trialOf({
  schema = SHOP,
  handmade = '',
  migration,
  reads = READS,
  writes = WRITES,
}: Example): Trial {
  return { schema: `${schema}\n${handmade}`, migrations: [migration].flat(), reads, writes };
}

function spanOf({ schema = SHOP, migration }: Example) {
  const file = (up: string, i: number) => ({
    version: `${i}`,
    name: 'm',
    file: `${i}_m.sql`,
    up,
    down: undefined,
  });
  return {
    before: [file(schema, 0)],
    migrations: [migration].flat().map((up, i) => file(up, i + 1)),
  };
}
