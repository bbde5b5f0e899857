import type { TrialDatabase } from './servers.ts';

/** What old code does, and on what. */
export interface Trial {
  /** The schema that the old code was shipped with, and its rows. */
  schema: string;
  /** Scripts in order. */
  migrations: string[];
  /** Run after the migrations: makes the condition of a verdict come true. */
  condition?: string;
  reads: string[];
  /** Run in order, each in its own transaction; then the reads again. */
  writes: string[];
}

/** What a real database says of old code after the migrations, beside what it said before them. */
export interface Outcome {
  /** Whether every read gives the same rows. */
  reads: 'same' | 'differ' | 'fail';
  /** `differ`: no write fails, but reads afterwards do not give what they would have. */
  writes: 'work' | 'differ' | 'fail';
  errors: string[];
  /** Statements that fail before the migrations already. */
  ignored: string[];
}

/** Statements that fail before the migrations already say nothing. @throws what the server says to the migrations */
export async function tryOldCode(database: TrialDatabase, trial: Trial): Promise<Outcome> {
  const ignored: string[] = [];
  const old = await statements(database, { ...trial, migrations: [], condition: '' }, ignored);
  const working = { ...trial, writes: trial.writes.filter((_, i) => old.writes[i] !== FAILED) };
  const errors: string[] = [];
  const now = await statements(database, working, errors);
  const counts = old.before.map((rows) => rows !== FAILED);
  const same = (a: string[], b: string[]) => a.every((rows, i) => !counts[i] || rows === b[i]);
  const reads = now.before.some((rows, i) => counts[i] && rows === FAILED)
    ? 'fail'
    : same(old.before, now.before)
      ? 'same'
      : 'differ';
  if (now.writes.includes(FAILED)) return { reads, writes: 'fail', errors, ignored };
  // Reads that fail or differ already say nothing about writes.
  const differ = old.after.some((rows, i) => rows !== now.after[i] && old.before[i] === now.before[i]);
  return { reads, writes: differ ? 'differ' : 'work', errors, ignored };
}

const FAILED = 'failed';

async function statements(database: TrialDatabase, trial: Trial, errors: string[]) {
  const attempt = async (sql: string) => {
    try {
      return await database.ask(sql);
    } catch (error) {
      errors.push(`${sql}: ${error instanceof Error ? error.message : String(error)}`);
      return FAILED;
    }
  };
  const all = async (sqls: string[]) => {
    const said: string[] = [];
    for (const sql of sqls) said.push(await attempt(sql));
    return said;
  };
  await database.reset();
  await database.run(trial.schema);
  for (const migration of trial.migrations) await database.run(migration);
  if (trial.condition) await database.run(trial.condition);
  const before = await all(trial.reads);
  const writes = await all(trial.writes);
  return { before, writes, after: await all(trial.reads) };
}
