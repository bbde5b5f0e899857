import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { judgeSpan } from '../../src/schema-changes/judge-span.ts';
import type { RuleId } from '../../src/schema-changes/rules.ts';
import type { SchemaFinding } from '../../src/schema-changes/verdict.ts';
import { worstVerdict } from '../../src/schema-changes/verdict.ts';
import { randomCase } from './oracle/random-case.ts';
import { AVAILABLE, type TrialDatabase, trialDatabase } from './servers.ts';
import { type Outcome, type Trial, tryOldCode } from './trial.ts';

/** Cases an engine, and where they begin: the same in each run, so that none fails by chance. Set both to look for more. */
const CASES = Number(process.env.ORACLE_CASES ?? 60);
const seed = Number(process.env.ORACLE_SEED ?? 1);

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
      const choices = fc.array(fc.nat(1_000_000), { minLength: 120, maxLength: 120 });
      await fc.assert(
        fc.asyncProperty(choices, async (numbers) => {
          let used = 0;
          const trial = randomCase(engine, (n) => (numbers[used++ % numbers.length] as number) % n);
          const { findings } = await judgeSpan(spanOf(trial), engine);
          let outcome: Outcome;
          try {
            outcome = await tryOldCode(database, trial);
          } catch {
            // The server refuses the migration: it could not have been applied.
            tally.refused += 1;
            fc.pre(false);
            return;
          }
          tally.tried += 1;
          const worst = worstVerdict(findings);
          const harmed = outcome.reads !== 'same' || outcome.writes !== 'work';
          if (worst === 'unknown') tally.unknown += 1;
          else if (worst !== 'safe' && worst !== 'conditional') {
            tally.stopped += 1;
            if (!harmed) tally.falseAlarms += 1;
          }
          const wrong = contradiction(findings, outcome);
          if (wrong) throw new Error(`${wrong}\n${shown(trial, findings, outcome)}`);
        }),
        { numRuns: CASES, seed, maxSkipsPerRun: 20, interruptAfterTimeLimit: 900_000 },
      );
      const rate = tally.stopped === 0 ? 0 : (100 * tally.falseAlarms) / tally.stopped;
      console.log(`${engine}: ${JSON.stringify(tally)}, false alarms ${rate.toFixed(1)} % of what stops`);
      expect(tally.tried).toBeGreaterThan(0);
    },
    1_000_000,
  );
});

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
