import type { Database } from '../adapters/database/database.ts';
import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import type { Step, StepContext } from '../engine/step.ts';
import { RollbackError } from '../model/error.ts';
import type { Down } from '../model/reversal.ts';
import { historyJudge } from './history-judge.ts';
import type { TriedDown, TryReversalOutput } from './try-reversal.ts';

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
  /** Whether it was left as it was, since the run was asked to stop and nothing of it had taken effect. */
  left?: true;
}

/** A statement may hold its locks for so many times what it took in the trial, and at least `LEAST_MS`. */
const SLACK = 5;
const LEAST_MS = 10_000;

/**
 * Takes one migration back while the current release serves. What the tool's own history says is the truth: the down and
 * its row are one transaction, so that one that was cut off either took effect or did not; where the engine commits each
 * statement by itself, its row goes last, and what is missing before it is done.
 */
export function reverseMigration(
  database: Database,
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
      const { version } = down;
      if (context.settling && database.supportsTransactionalDdl) return { version, left: true };
      const { tookMs, states } = tried(down, trial, context);
      const { left } = await database.takeBack(down, {
        judge: historyJudge(history, down.version, known),
        statementMs: Math.max(LEAST_MS, tookMs * SLACK),
        states,
        begunOnly: context.settling === true,
        signal: context.signal,
      });
      if (left) return { version, left };
      return { version, tookMs: Math.round(context.clock.monotonic() - begun) };
    },
  };
}

function tried({ version, file }: Down, trial: string, { outputs }: StepContext): TriedDown {
  const took = (outputs.get(trial) as TryReversalOutput | undefined)?.took;
  const found = took?.find((one) => one.version === version);
  if (found) return found;
  throw new RollbackError({ code: 'DOWN_NOT_TRIED', summary: `${file} was not tried on a restored copy` });
}
