import { join } from 'node:path';
import { RollbackError } from '../../model/error.ts';
import type { JournalEntry } from '../../model/journal.ts';
import { foldersIn, numberPath, numbersIn, readNumber, writeNumber } from './numbered-log.ts';
import { isRunId } from './run-error.ts';

/** One file of a journal. */
export interface JournalFile {
  service: string;
  /** Epoch of the lease under which it was written. */
  epoch: number;
  entry: JournalEntry;
}

/** Writes an entry as number `number` of the run; `taken` where there is one already. */
export function writeEntry(
  runs: string,
  runId: string,
  number: number,
  file: JournalFile,
): Promise<'written' | 'taken'> {
  return writeNumber(join(runs, runId), number, `${JSON.stringify({ format: 1, ...file })}\n`);
}

/**
 * All entries of a run in order; none where there is no such run.
 * @throws RollbackError `JOURNAL_UNREADABLE` naming the file that is damaged or missing
 */
export async function readEntries(runs: string, runId: string): Promise<JournalFile[]> {
  if (!isRunId(runId)) return [];
  const folder = join(runs, runId);
  const last = (await numbersIn(folder)).at(-1) ?? 0;
  const listed = Array.from({ length: last }, (_, i) => readEntry(folder, i + 1));
  const entries = (await Promise.all(listed)).map((entry, i) => {
    if (entry) return entry;
    throw unreadable(`${numberPath(folder, i + 1)} is missing.`);
  });
  // What was appended since the folder was listed. Not by listing again: that may show a later file and miss an earlier.
  for (;;) {
    const entry = await readEntry(folder, entries.length + 1);
    if (!entry) return entries;
    entries.push(entry);
  }
}

/** The last entry of a run as it is now; undefined where there is none. */
export async function readLastEntry(runs: string, runId: string): Promise<JournalFile | undefined> {
  const folder = join(runs, runId);
  const last = (await numbersIn(folder)).at(-1);
  return last === undefined ? undefined : readEntry(folder, last);
}

/** How many entries a run has. */
export async function countEntries(runs: string, runId: string): Promise<number> {
  return (await numbersIn(join(runs, runId))).at(-1) ?? 0;
}

/** Ids of the runs that have an entry, by id: ids begin with the time of the run, so oldest first. */
export async function listRuns(runs: string): Promise<string[]> {
  const names = (await foldersIn(runs)).filter(isRunId);
  const counts = await Promise.all(names.map((name) => countEntries(runs, name)));
  return names.filter((_, i) => (counts[i] as number) > 0);
}

async function readEntry(folder: string, number: number): Promise<JournalFile | undefined> {
  const text = await readNumber(folder, number);
  if (text === undefined) return undefined;
  const path = numberPath(folder, number);
  let file: JournalFile & { format: number };
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw unreadable(`${path} is damaged: ${(error as Error).message}.`, error);
  }
  if (file?.format !== 1) {
    throw unreadable(`${path} has format ${file?.format}; this version reads format 1.`);
  }
  if (typeof file.epoch !== 'number' || typeof file.entry?.type !== 'string') {
    throw unreadable(`${path} is not a journal entry.`);
  }
  return file;
}

function unreadable(detail: string, cause?: unknown): RollbackError {
  return new RollbackError({
    code: 'JOURNAL_UNREADABLE',
    summary: 'The journal of a run cannot be read',
    detail,
    fix: 'Put the file back from a copy of the state folder, or move the folder of that run away to leave it out.',
    cause,
  });
}
