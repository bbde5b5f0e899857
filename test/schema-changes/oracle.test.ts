import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import type { RuleId } from '../../src/schema-changes/rules.ts';
import type { SchemaFinding } from '../../src/schema-changes/verdict.ts';
import { stopsOldCode, worstVerdict } from '../../src/schema-changes/verdict.ts';
import { randomCase } from './oracle/random-case.ts';
import { AVAILABLE, type TrialDatabase, trialDatabase } from './servers.ts';
import { type Outcome, type Trial, tryOldCode } from './trial.ts';

/** Cases an engine, and the seed of the first; each next one has the next seed, so that one alone can be looked at. */
const CASES = Number(process.env.ORACLE_CASES ?? 60);
const SEED = Number(process.env.ORACLE_SEED ?? 1);
/** Seeds of cases that were once judged better than they are. */
const ONCE_WRONG = {
  postgresql: [1_005_960, 2_001_189, 2_001_790, 3_000_016, 3_000_959, 3_001_455],
  mysql: [1_000_342, 1_000_431, 1_000_544, 1_000_761, 1_002_228, 1_003_032, 1_003_103, 1_006_386],
};
/** Random numbers that a case is made of; one that needs more takes them from the start again. */
const CHOICES = fc.array(fc.nat(1_000_000), { minLength: 120, maxLength: 120 });
const SHOWN = 10;

/** Conditions under which reads of the old code give something else; under the others only its writes do. */
const OF_READS: RuleId[] = [
  'add-enum-value',
  'change-collation',
  'change-type',
  'change-view',
  'drop-not-null',
  'replace-data',
];

describe.each(['postgresql', 'mysql'] as const)('random migrations on a real %s', (engine) => {
  let database: TrialDatabase;
  beforeAll(async () => {
    if (AVAILABLE[engine]) database = await trialDatabase(engine);
  });
  afterAll(async () => {
    await database?.close();
  });

  test.skipIf(!AVAILABLE[engine])(
    'what is called safe does not fail, and nothing fails outside of its condition',
    async () => {
      const tally = { tried: 0, refused: 0, stopped: 0, falseAlarms: 0, unknown: 0 };
      const alarms = new Map<RuleId, { said: number; alone: number; falsely: number }>();
      const wrong: string[] = [];
      const known = process.env.ORACLE_SEED === undefined ? ONCE_WRONG[engine] : [];
      for (let i = 0; tally.tried < CASES + known.length; i++) {
        const seed = known[i] ?? SEED + i - known.length;
        const [numbers = []] = fc.sample(CHOICES, { seed, numRuns: 1 });
        let used = 0;
        const trial = randomCase(engine, (n) => (numbers[used++ % numbers.length] as number) % n);
        const { findings } = await judgeSpan(spanOf(trial), engine);
        const outcome = await tryOldCode(database, trial).catch((error: unknown) => {
          // The server refuses the migration: it could not have been applied. Anything else is not about the case.
          if (error instanceof Error && 'code' in error) return undefined;
          throw error;
        });
        if (!outcome) {
          tally.refused += 1;
          continue;
        }
        tally.tried += 1;
        const isHarmed = outcome.reads !== 'same' || outcome.writes !== 'work';
        count(findings, isHarmed, tally, alarms);
        const why = contradiction(findings, outcome);
        if (why) {
          wrong.push(`ORACLE_SEED=${seed} ORACLE_CASES=1: ${why}\n${shown(trial, findings, outcome)}`);
          console.log(wrong.at(-1));
        }
        if (tally.tried % 1000 === 0)
          console.log(`${engine}: ${JSON.stringify(tally)}, wrong ${wrong.length}`);
      }
      const rate = tally.stopped === 0 ? 0 : (100 * tally.falseAlarms) / tally.stopped;
      console.log(`${engine}: ${JSON.stringify(tally)}, false alarms ${rate.toFixed(1)} % of what stops`);
      for (const [rule, { said, alone, falsely }] of [...alarms].sort(
        ([, a], [, b]) => b.falsely - a.falsely,
      ))
        console.log(`  ${rule}: stops ${said}, alone ${alone}, of those falsely ${falsely}`);
      expect(wrong.slice(0, SHOWN), `${wrong.length} of ${tally.tried} cases`).toEqual([]);
    },
    // A case takes about 50 ms.
    60_000 + CASES * 1000,
  );
});

/** Counts a case, and by rule how often nothing came of it where no other rule stops. */
function count(
  findings: SchemaFinding[],
  isHarmed: boolean,
  tally: { stopped: number; falseAlarms: number; unknown: number },
  alarms: Map<RuleId, { said: number; alone: number; falsely: number }>,
): void {
  if (worstVerdict(findings) === 'unknown') tally.unknown += 1;
  const stopping = new Set(findings.filter(stopsOldCode).map(({ rule }) => rule));
  if (stopping.size === 0 || worstVerdict(findings) === 'unknown') return;
  tally.stopped += 1;
  if (!isHarmed) tally.falseAlarms += 1;
  for (const rule of stopping) {
    const known = alarms.get(rule) ?? { said: 0, alone: 0, falsely: 0 };
    known.said += 1;
    if (stopping.size === 1) known.alone += 1;
    if (stopping.size === 1 && !isHarmed) known.falsely += 1;
    alarms.set(rule, known);
  }
}

/** What an outcome shows against the findings. */
function contradiction(findings: SchemaFinding[], { reads, writes }: Outcome): string | undefined {
  const worst = worstVerdict(findings);
  if (worst === 'reads-fail' || worst === 'data-destroyed' || worst === 'unknown') return undefined;
  const mayReadElse = findings.some(
    ({ rule, verdict, when }) => verdict !== 'safe' && when && OF_READS.includes(rule),
  );
  if (reads !== 'same' && !mayReadElse) return `Reads ${reads}, and nothing said so.`;
  if (writes !== 'work' && worst === 'safe') return `Writes ${writes}, and nothing said so.`;
  return undefined;
}

function shown(
  { schema, migrations }: Trial,
  findings: SchemaFinding[],
  { errors, reads, writes }: Outcome,
): string {
  const said = findings.map(({ rule, verdict, why }) => `  ${rule}: ${verdict}: ${why}`);
  return [schema, '-- then', ...migrations, '-- said', ...said, `-- ${reads} ${writes}`, ...errors].join(
    '\n',
  );
}

function spanOf({ schema, migrations }: Trial) {
  const file = (up: string, i: number) => ({
    version: `${i}`,
    name: 'm',
    file: `${i}_m.sql`,
    up,
    down: undefined,
  });
  return { before: [file(schema, 0)], migrations: migrations.map((up, i) => file(up, i + 1)) };
}
