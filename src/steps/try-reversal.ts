import type { Backup, TransactionalDatabase } from '../adapters/database/database.ts';
import type { MigrationSource } from '../adapters/migrations/migrations.ts';
import type { Step } from '../engine/step.ts';
import { RollbackError } from '../model/error.ts';
import type { Finding } from '../model/finding.ts';
import type { HistoryRow } from '../model/migration-history.ts';
import type { Down } from '../model/reversal.ts';
import type { FindingsOutput } from '../model/run-state.ts';
import type { BackUpOutput } from './back-up-database.ts';
import { historyJudge } from './history-judge.ts';

export interface TryReversalInput {
  /** Newest first. */
  downs: Down[];
  /** Versions of the newest release in the tool's order. */
  known: string[];
  /** Id of the step whose backup is restored. */
  backup: string;
}

export interface TryReversalOutput extends FindingsOutput {
  /** How long each took on the copy, ms. */
  took: { version: string; tookMs: number }[];
}

/** On a copy nobody waits for it. */
const STATEMENT_MS = 30 * 60_000;

/** Restores the backup of the run to scratch and runs the downs there, newest first, before any of them is run for real. */
export function tryReversal(
  database: TransactionalDatabase,
  { history }: MigrationSource,
): Step<TryReversalInput, TryReversalOutput> {
  return {
    // The proof is the work itself.
    observe: async () => ({ state: 'pending', before: null }),
    async apply({ downs, known, backup: of }, { clock, signal, progress, outputs }) {
      const { backup } = outputs.get(of) as BackUpOutput;
      progress(`restoring ${backup.name} to try the downs on it`);
      const took = await database.withCopy(backup, signal, async (place) => {
        const times: TryReversalOutput['took'] = [];
        for (const down of downs) {
          progress(`trying the down of ${down.file}`);
          const begun = clock.monotonic();
          const judge = historyJudge(history, down.version, known);
          let gone = false;
          await database
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
            });
          times.push({ version: down.version, tookMs: Math.ceil(clock.monotonic() - begun) });
        }
        return times;
      });
      return { took, findings: [finding(backup, downs, took)] };
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

function finding({ name }: Backup, downs: Down[], took: TryReversalOutput['took']): Finding {
  return {
    check: 'reversal',
    status: 'ok',
    title: `Taking back ${downs.length === 1 ? '1 migration' : `${downs.length} migrations`} works on the restored copy of ${name}`,
    evidence: took.map(({ version, tookMs }) => `${version}: ${tookMs} ms on the copy`),
    blocking: false,
    fix: [],
    headline: true,
  };
}
