import { messageOf } from '../backup-folder.ts';
import type { Prepared } from '../database.ts';
import { openForReading, untilFree } from './connection.ts';

const OF_SCHEMA =
  /no such (?:table|column|function)|has no column named|values were supplied|ON CONFLICT clause does not match|cannot modify|ambiguous column|cannot INSERT into generated/i;

/** Prepares on a connection that may not write, and runs nothing. */
export async function prepareSqlite(
  path: string,
  name: string,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Prepared[]> {
  const db = await openForReading(path, name, signal);
  try {
    const prepared: Prepared[] = [];
    for (const text of texts) {
      try {
        await untilFree(name, signal, () => db.prepare(text));
        prepared.push({ fails: false });
      } catch (error) {
        signal.throwIfAborted();
        const fails = OF_SCHEMA.test(messageOf(error)) ? true : 'unknown';
        prepared.push({ fails, error: messageOf(error) });
      }
    }
    return prepared;
  } finally {
    db.close();
  }
}
