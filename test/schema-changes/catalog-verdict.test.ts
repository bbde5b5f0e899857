import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import type { RuleId } from '../../src/schema-changes/rules.ts';
import type { SchemaFinding, Verdict } from '../../src/schema-changes/verdict.ts';
import { stopsOldCode, worstVerdict } from '../../src/schema-changes/verdict.ts';
import { type Example, SHOP } from './examples/example.ts';
import { EXAMPLES } from './examples/index.ts';
import { AVAILABLE, type EngineName, type TrialDatabase, trialDatabase } from './servers.ts';

const ENGINES: EngineName[] = ['postgresql', 'mysql', 'sqlite'];
const ORDER: Verdict[] = ['safe', 'conditional', 'unknown', 'writes-fail', 'reads-fail', 'data-destroyed'];
/** What they are about is in rows, rights or storage, or is a mistake in a file: no catalog has it. */
const INVISIBLE: RuleId[] = [
  ...(['delete-data', 'update-data', 'replace-data', 'rows-left-out', 'name-reused', 'revoke'] as const),
  // Under another name a value is one gone and another there, which old code meets when it writes.
  'rename-enum-value',
  ...(['detach-partition', 'opaque-code', 'unreadable', 'rebuild', 'suppression', 'change-type'] as const),
];

const file = (up: string, i: number) => ({
  version: `${i}`,
  name: 'm',
  file: `${i}_m.sql`,
  up,
  down: undefined,
});
const told = (findings: SchemaFinding[]) =>
  findings.map(({ rule, verdict, catalog, why }) => `${rule}: ${verdict} (${catalog}): ${why}`).join('\n');

describe.each(ENGINES)('catalogs of a real %s', (engine) => {
  let database: TrialDatabase;
  beforeAll(async () => {
    if (AVAILABLE[engine]) database = await trialDatabase(engine);
  });
  afterAll(() => database?.close());

  const catalogsOf = async ({ schema = SHOP, handmade = '', migration }: Example) => {
    await database.reset();
    await database.run(`${schema}\n${handmade}`);
    const target = await database.catalog();
    for (const sql of [migration].flat()) await database.run(sql);
    return { target, live: await database.catalog() };
  };
  const judge = (example: Example, catalogs: Awaited<ReturnType<typeof catalogsOf>>, migrations: string[]) =>
    judgeSpan(
      { before: [file(example.schema ?? SHOP, 0)], migrations: migrations.map((up, i) => file(up, i + 1)) },
      engine,
      catalogs,
    );

  const examples = EXAMPLES.filter(({ engines }) => engines.includes(engine));
  test.skipIf(!AVAILABLE[engine]).each(examples)('$rule, $finds: $what', async (example) => {
    const catalogs = await catalogsOf(example);
    expect([...catalogs.target.unread, ...catalogs.live.unread]).toEqual([]);

    // Both see the same, wherever a catalog can see it.
    const both = await judge(example, catalogs, [example.migration].flat());
    const more = example.rule === 'opaque-code' || example.handmade !== undefined;
    expect(
      both.findings.filter(({ catalog }) => catalog === 'differs'),
      told(both.findings),
    ).toEqual([]);
    if (!more) {
      const alone = both.findings.filter((finding) => finding.catalog === 'alone' && stopsOldCode(finding));
      expect(alone, told(both.findings)).toEqual([]);
      expect(worstVerdict(both.findings), told(both.findings)).toBe(example.finds);
    }

    // The catalogs alone, as if no statement could be read: never better than it is, but for what they don't have.
    const alone = await judge(example, catalogs, []);
    if (INVISIBLE.includes(example.rule)) return;
    const worst = ORDER.indexOf(worstVerdict(alone.findings));
    expect(worst, told(alone.findings)).toBeGreaterThanOrEqual(ORDER.indexOf(example.finds));
    if (example.finds === 'safe') expect(worst, told(alone.findings)).toBe(0);
  });
});
