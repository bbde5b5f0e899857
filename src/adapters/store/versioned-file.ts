import { randomBytes } from 'node:crypto';
import { RollbackError } from '../../model/error.ts';
import { numberPath, numbersIn, readNumber, removeNumber, writeNumber } from './numbered-log.ts';

/** A value that is replaced as a whole: the highest number in its folder. */
export interface Version<T> {
  number: number;
  /** Unique to this write. */
  id: string;
  /** Ids of the versions that it came from, newest first, at most `LINEAGE`. */
  lineage: string[];
  value: T;
}

const KEPT = 2;
const LINEAGE = 32;

/**
 * The version in force; undefined where none was ever written.
 * @throws RollbackError `STATE_UNREADABLE` naming the damaged file
 */
export async function readHead<T>(folder: string): Promise<Version<T> | undefined> {
  for (;;) {
    const number = (await numbersIn(folder)).at(-1);
    if (number === undefined) return undefined;
    const text = await readNumber(folder, number);
    // Where it was pruned since it was listed, there is a newer one.
    if (text !== undefined) return parseVersion<T>(text, number, folder);
  }
}

/**
 * Replaces exactly `head` (undefined: nothing yet) and prunes what is older than the last two.
 * @returns false where another writer was first, or so many wrote meanwhile that it can't be told.
 */
export async function replaceHead<T>(
  folder: string,
  head: Version<T> | undefined,
  value: T,
): Promise<boolean> {
  const number = (head?.number ?? 0) + 1;
  const id = randomBytes(8).toString('hex');
  const lineage = head ? [head.id, ...head.lineage].slice(0, LINEAGE) : [];
  const text = `${JSON.stringify({ format: 1, id, lineage, value })}\n`;
  if ((await writeNumber(folder, number, text)) === 'taken') return false;
  // A number that was pruned is free again. A writer that slept over that has taken one below the head, which nobody
  // reads: it must not believe that it was written. Only what the head is, or came from, was.
  const now = await readHead<T>(folder);
  await prune(folder);
  return now?.id === id || now?.lineage.includes(id) === true;
}

async function prune(folder: string): Promise<void> {
  for (const number of (await numbersIn(folder)).slice(0, -KEPT)) await removeNumber(folder, number);
}

function parseVersion<T>(text: string, number: number, folder: string): Version<T> {
  try {
    const { format, id, lineage, value } = JSON.parse(text) as Version<T> & { format: number };
    if (format === 1 && typeof id === 'string' && Array.isArray(lineage))
      return { number, id, lineage, value };
  } catch {
    // Said below, with the file.
  }
  throw new RollbackError({
    code: 'STATE_UNREADABLE',
    summary: 'The state folder is damaged',
    detail: `${numberPath(folder, number)} is not what this version writes.`,
    fix: 'Put the file back from a copy of the folder, or use the version that wrote it.',
  });
}
