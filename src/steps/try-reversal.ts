import type { Backup, Database, TakenBack } from '../adapters/database/database.ts';
import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import type { Step } from '../engine/step.ts';
import { RollbackError } from '../model/error.ts';
import type { Finding } from '../model/finding.ts';
import type { HistoryRow } from '../model/migration-history.ts';
import type { Down } from '../model/reversal.ts';
import type { FindingsOutput } from '../model/run-state.ts';
import { driftOf, isLacking, type SchemaDifference } from '../schema-changes/compare-summaries.ts';
import { describeDifferences } from '../schema-changes/describe-differences.ts';
import { type SchemaSummary, summaryOf } from '../schema-changes/schema-summary.ts';
import type { BackUpOutput } from './back-up-database.ts';
import { historyJudge } from './history-judge.ts';

export interface TryReversalInput {
  /** Newest first. */
  downs: Down[];
  /** Versions of the newest release in the tool's order. */
  known: string[];
  /** Id of the step whose backup is restored. */
  backup: string;
  /** The schema that the target's migrations make. */
  target?: SchemaSummary;
  /** Why that is not known, in sentences. */
  notCompared?: string;
}

export interface TryReversalOutput extends FindingsOutput {
  took: TriedDown[];
}

/** A down as it ran on the copy. */
export interface TriedDown extends TakenBack {
  version: string;
  tookMs: number;
}

/** On a copy nobody waits for it. */
const STATEMENT_MS = 30 * 60_000;

/**
 * Restores the backup of the run to scratch and runs the downs there, newest first, before any of them is run for real. The
 * schema that they make is compared with the target's.
 * @throws RollbackError `REVERSAL_NOT_PROVEN`: a down fails, or leaves out what the old code knows
 */
export function tryReversal(
  database: Database,
  { history }: MigrationSource,
): Step<TryReversalInput, TryReversalOutput> {
  return {
    // The proof is the work itself.
    observe: async () => ({ state: 'pending', before: null }),
    async apply({ downs, known, backup: of, target, notCompared }, { clock, signal, progress, outputs }) {
      const { backup } = outputs.get(of) as BackUpOutput;
      progress(`restoring ${backup.name} to try the downs on it`);
      const { took, differences } = await database.withCopy(backup, signal, async (place) => {
        const times: TryReversalOutput['took'] = [];
        for (const down of downs) {
          progress(`trying the down of ${down.file}`);
          const begun = clock.monotonic();
          const judge = historyJudge(history, down.version, known);
          let gone = false;
          const taken = await database
            .takeBack(down, {
              inside: place,
              statementMs: STATEMENT_MS,
              judge: (rows: readonly HistoryRow[]) => {
                const verdict = judge(rows);
                gone ||= verdict.state === 'gone' && times.every(({ version }) => version !== down.version);
                return verdict;
              },
              signal,
            })
            .catch((error) => {
              // An earlier attempt of the run took it back before the backup was taken.
              if (!(error instanceof RollbackError && error.code === 'DOWN_NOT_NEXT' && gone))
                throw failed(backup, error);
              return {};
            });
          times.push({ version: down.version, tookMs: Math.ceil(clock.monotonic() - begun), ...taken });
        }
        const made = target && summaryOf(await database.catalog(signal, place));
        return { took: times, differences: target && made && driftOf(target, made) };
      });
      const missing = differences?.filter(isLacking) ?? [];
      if (missing.length > 0) throw lacking(backup, missing);
      return {
        took,
        findings: [finding(backup, downs, took), compared(backup, differences, notCompared)],
      };
    },
  };
}

function failed({ name }: Backup, error: unknown): unknown {
  if (!(error instanceof RollbackError)) return error;
  return new RollbackError({
    code: 'REVERSAL_NOT_PROVEN',
    summary: `Taking the migrations back does not work on the restored copy of ${name}`,
    detail: error.message,
    fix: error.fix,
    cause: error,
  });
}

function lacking({ name }: Backup, missing: SchemaDifference[]): RollbackError {
  return new RollbackError({
    code: 'REVERSAL_NOT_PROVEN',
    summary: `Taking the migrations back does not bring back the schema of the target on the restored copy of ${name}`,
    detail: `After the downs, beside what the target's migrations make:\n${describeDifferences(missing).join('\n')}`,
    fix: 'Correct the downs, or propose a migration that both releases can work with: rollback-deploy-auto migrations --write-reversal',
  });
}

function compared(
  { name }: Backup,
  differences: SchemaDifference[] | undefined,
  notCompared: string | undefined,
): Finding {
  const common = { check: 'reversal', blocking: false, fix: [], headline: false };
  if (!differences) {
    const title = 'The schema after the downs was not compared with what the target’s migrations make';
    return { ...common, status: 'unknown', title, evidence: notCompared ? [notCompared] : [] };
  }
  if (differences.length === 0) {
    const title = `The downs bring back the schema of the target on the restored copy of ${name}`;
    return { ...common, status: 'ok', title, evidence: [] };
  }
  const title = `After the downs the schema differs from the target’s on the restored copy of ${name}`;
  return { ...common, status: 'warn', title, evidence: describeDifferences(differences) };
}

function finding({ name }: Backup, downs: Down[], took: TryReversalOutput['took']): Finding {
  return {
    check: 'reversal',
    status: 'ok',
    title: `Taking back ${downs.length === 1 ? '1 migration' : `${downs.length} migrations`} works on the restored copy of ${name}`,
    evidence: took.flatMap(({ version, tookMs, blocking = [] }) => [
      `${version}: ${tookMs} ms on the copy`,
      ...blocking.map((text) => `Writers of its table wait for it: ${text.replace(/\s+/g, ' ')}`),
    ]),
    blocking: false,
    fix: [],
    headline: true,
  };
}
