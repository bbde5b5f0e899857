import type { TransactionalDatabase } from '../adapters/database/database.ts';
import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import type { Step, StepContext } from '../engine/step.ts';
import { RollbackError } from '../model/error.ts';
import type { Down } from '../model/reversal.ts';
import { historyJudge } from './history-judge.ts';
import type { TryReversalOutput } from './try-reversal.ts';

export interface ReverseMigrationInput {
  down: Down;
  /** Versions of the newest release in the tool's order. */
  known: string[];
  /** Id of the step that tried it. */
  trial: string;
}

export interface ReverseMigrationOutput {
  version: string;
  /** undefined where another process did it before it was cut off. */
  tookMs?: number;
}

/** A statement may hold its locks for so many times what it took in the trial, and at least `LEAST_MS`. */
const SLACK = 5;
const LEAST_MS = 10_000;

/**
 * Takes one migration back while the current release serves. What the tool's own history says is the truth: the down and
 * its row are one transaction, so that one that was cut off either took effect or did not.
 */
export function reverseMigration(
  database: TransactionalDatabase,
  { history }: MigrationSource,
): Step<ReverseMigrationInput, ReverseMigrationOutput> {
  return {
    async observe({ down, known }, { signal }) {
      const rows = (await database.facts(signal)).historyRows;
      if (!rows) return { state: 'unknown', why: `${database.name} has no migration history any more.` };
      const verdict = historyJudge(history, down.version, known)(rows);
      if (verdict.state === 'gone') return { state: 'done', output: { version: down.version } };
      if (verdict.state === 'other') return { state: 'unknown', why: verdict.why };
      return { state: 'pending', before: { applied: down.version } };
    },
    async apply({ down, known, trial }, context) {
      const begun = context.clock.monotonic();
      await database.takeBack(down, {
        judge: historyJudge(history, down.version, known),
        statementMs: longest(down, trial, context),
        signal: context.signal,
      });
      return { version: down.version, tookMs: Math.round(context.clock.monotonic() - begun) };
    },
  };
}

function longest({ version, file }: Down, trial: string, { outputs }: StepContext): number {
  const tried = (outputs.get(trial) as TryReversalOutput | undefined)?.took;
  const tookMs = tried?.find((one) => one.version === version)?.tookMs;
  if (tookMs !== undefined) return Math.max(LEAST_MS, tookMs * SLACK);
  throw new RollbackError({ code: 'DOWN_NOT_TRIED', summary: `${file} was not tried on a restored copy` });
}
