import type { HistoryVerdict } from '../adapters/database/database.ts';
import type { MigrationHistory } from '../adapters/migrations/migrations.ts';
import type { HistoryRow } from '../model/migration-history.ts';
import { appliedVersions } from '../model/migration-history.ts';

/**
 * What the rows of a history say of a migration that is to be taken back.
 * @param known Versions of the newest release in the tool's order, for tools that store only where they stand.
 */
export function historyJudge(
  history: MigrationHistory,
  version: string,
  known: readonly string[],
): (rows: readonly HistoryRow[]) => HistoryVerdict {
  const migrations = known.map((one) => ({ version: one, name: '', file: '', up: '', down: undefined }));
  return (rows) => {
    const entries = history.read(rows, migrations);
    const failed = entries.find((entry) => entry.state === 'failed');
    if (failed)
      return { state: 'other', why: `The history has ${failed.version} as begun and not finished.` };
    // Flyway's repeatable ones have no place in the order.
    const applied = appliedVersions(entries).filter((one) => !one.startsWith('R__'));
    if (!applied.includes(version)) return { state: 'gone' };
    const last = applied.at(-1);
    return last === version
      ? { state: 'next' }
      : { state: 'other', why: `The history has ${last} as applied after it.` };
  };
}
