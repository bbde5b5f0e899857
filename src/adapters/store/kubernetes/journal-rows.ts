import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { JournalEntry } from '../../../model/journal.ts';
import { journalUnreadable } from './config-map.ts';

/** Entries as a ConfigMap's data: by number, e.g. `000012`, the JSON of a `Row`. */
export type Rows = Record<string, string>;

/** An entry with the epoch under which it was written; one that is too large for a row is elsewhere, compressed. */
export type Row = { epoch: number; entry: JournalEntry } | { epoch: number; parts: string[] };

/** Size at which the open end of a journal is sealed. Each append makes the cluster's database write all of it again. */
const SEGMENT_BYTES = 64 * 1024;
/** An entry whose JSON is larger is compressed and kept apart from the others. */
export const INLINE_BYTES = 32 * 1024;
/** Compressed bytes a ConfigMap: with Base64 and the object around it they stay under 256 KiB. */
const PART_BYTES = 180 * 1024;

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Key of an entry; 1 is the first of the run. */
export function rowKey(number: number): string {
  return String(number).padStart(6, '0');
}

/**
 * Spreads rows over segments, in order, each at most `SEGMENT_BYTES` as JSON in a ConfigMap. The last one is the new
 * open end, and never empty.
 */
export function intoSegments(rows: Rows): Rows[] {
  const segments: Rows[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const key of Object.keys(rows).sort()) {
    const text = rows[key] as string;
    // The key stands in the data and, with a prefix, in managedFields.
    const size = Buffer.byteLength(JSON.stringify(text)) + 2 * key.length + 16;
    if (bytes + size > SEGMENT_BYTES) {
      segments.push({});
      bytes = 0;
    }
    (segments.at(-1) as Rows)[key] = text;
    bytes += size;
  }
  return segments;
}

/** The text compressed, in pieces of at most `PART_BYTES`. */
export async function compress(text: string): Promise<Buffer[]> {
  const bytes = await zip(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += PART_BYTES) pieces.push(bytes.subarray(at, at + PART_BYTES));
  return pieces;
}

/** What `compress` was given. */
export async function decompress(pieces: Buffer[]): Promise<string> {
  return (await unzip(Buffer.concat(pieces))).toString('utf8');
}

/** @throws RollbackError `JOURNAL_UNREADABLE` naming the object and the row */
export function parseRow(where: string, key: string, text: string): Row {
  let row: Row;
  try {
    row = JSON.parse(text);
  } catch (error) {
    throw journalUnreadable(`Entry ${key} in ConfigMap ${where} is damaged.`, error);
  }
  const whole = row && ('parts' in row ? Array.isArray(row.parts) : typeof row.entry?.type === 'string');
  if (!whole || typeof row.epoch !== 'number') {
    throw journalUnreadable(`Entry ${key} in ConfigMap ${where} is not a journal entry.`);
  }
  return row;
}
