import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LiveCatalog } from '../../../schema-changes/live-catalog.ts';
import type { ReplayStatement } from '../../../schema-changes/replay.ts';
import { eachStatement } from '../replay-errors.ts';
import { sqliteCatalog, withEmptySqlite } from './catalog.ts';
import { openForWriting } from './connection.ts';
import type { SqliteOptions } from './options.ts';

/**
 * Replays as `Database.replay` promises, in a file of its own. There are no users in SQLite: what reaches other files is
 * kept out by reading each statement alone, so that none can hide behind another.
 */
export async function replaySqlite(
  options: SqliteOptions,
  statements: readonly ReplayStatement[],
  signal: AbortSignal,
): Promise<LiveCatalog> {
  return withEmptySqlite(async (path) => {
    const db = await openForWriting(path);
    try {
      db.exec('PRAGMA synchronous=OFF');
      await eachStatement(statements, signal, async (text) => {
        // Only the first statement of a text is prepared.
        const statement = db.prepare(text);
        if (statement.reader) statement.all();
        else statement.run();
        await nextTurn();
      });
      if (db.inTransaction) db.exec('COMMIT');
    } finally {
      db.close();
    }
    return sqliteCatalog(options, 'of the replay', signal, path);
  });
}
