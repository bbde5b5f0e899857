import * as crypto from 'node:crypto';
import { eachDefinition } from './dump-lines.ts';
import { rowsOf } from './dump-rows.ts';

/** What a dump holds, read from its text. */
export interface DumpContent {
  /** By table. */
  rows: Record<string, number>;
  /**
   * By table: the sum of a 128-bit hash of each row, so that the order of the rows does not matter and a row that is
   * there twice counts twice.
   */
  hashes: Record<string, string>;
  /** SHA-256 over all that is no row: hex. Definers, events and the name of the database are left out. */
  definitions: string;
  /** Whether the tool wrote its last line: it dumped everything. */
  complete: boolean;
}

const INSERT = /^INSERT INTO `((?:[^`]|``)+)` (?:\(.*?\) )?VALUES ?/;
const TABLE = /^CREATE TABLE `((?:[^`]|``)+)` \($/;
const LONGEST_NAME = 4096;
const NEWLINE = 10;
const OPEN = 40;

/** Reads a dump as it passes, a piece at a time. */
export class DumpReader {
  /** So far. */
  total = 0;
  private readonly sums = new Map<string, RowSum>();
  private readonly definitions = crypto.createHash('sha256');
  private readonly define = eachDefinition((line) => this.definitions.update(`${line}\n`));
  private rest: Buffer[] = [];
  /** The table whose rows the lines are. */
  private current: RowSum | undefined;
  private last = '';

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, at);
      if (this.rest.length === 0) this.line(piece);
      else {
        const whole = Buffer.concat([...this.rest, piece]);
        this.rest = [];
        this.line(whole);
      }
      from = at + 1;
    }
    if (from < chunk.length) this.rest.push(chunk.subarray(from));
  }

  end(): DumpContent {
    // Text after the last line break is a line that was cut off.
    const complete = this.rest.length === 0 && /^-- Dump completed/.test(this.last);
    const tables = [...this.sums].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      rows: Object.fromEntries(tables.map(([name, sum]) => [name, sum.count])),
      hashes: Object.fromEntries(tables.map(([name, sum]) => [name, sum.text()])),
      definitions: this.definitions.digest('hex'),
      complete,
    };
  }

  private line(line: Buffer): void {
    if (this.current && line[0] === OPEN) {
      this.rows(line, this.current);
      return;
    }
    this.current = undefined;
    const head = line.toString('utf8', 0, LONGEST_NAME);
    const insert = INSERT.exec(head);
    if (insert) {
      this.current = this.sumOf(insert[1] as string);
      const rows = line.subarray(Buffer.byteLength(insert[0]));
      if (rows.length > 0) this.rows(rows, this.current);
      return;
    }
    const text = line.length > LONGEST_NAME ? line.toString('utf8') : head;
    if (text !== '') this.last = text;
    const table = TABLE.exec(text);
    if (table) this.sumOf(table[1] as string);
    this.define(text);
  }

  private rows(line: Buffer, sum: RowSum): void {
    for (const row of rowsOf(line)) {
      sum.add(row);
      this.total++;
    }
  }

  private sumOf(quoted: string): RowSum {
    const name = quoted.replaceAll('``', '`');
    const known = this.sums.get(name) ?? new RowSum();
    this.sums.set(name, known);
    return known;
  }
}

class RowSum {
  count = 0;
  private readonly words = new Uint32Array(4);

  add(row: Buffer): void {
    this.count++;
    const hash = crypto.hash('sha1', row, 'binary');
    for (let i = 0; i < 4; i++) {
      const at = i * 4;
      const word =
        (hash.charCodeAt(at) << 24) |
        (hash.charCodeAt(at + 1) << 16) |
        (hash.charCodeAt(at + 2) << 8) |
        hash.charCodeAt(at + 3);
      // Each is kept modulo 2^32.
      this.words[i] = (this.words[i] as number) + word;
    }
  }

  text(): string {
    return [...this.words].map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}

/** SHA-256 over all of it, hex. */
export function contentHash({ rows, hashes, definitions }: DumpContent): string {
  const all = [Object.entries(rows), Object.entries(hashes), definitions];
  return crypto.createHash('sha256').update(JSON.stringify(all)).digest('hex');
}

/** The first difference in a full sentence; undefined where there is none. */
export function differenceOf(backedUp: DumpContent, restored: DumpContent): string | undefined {
  for (const table of new Set([...Object.keys(backedUp.rows), ...Object.keys(restored.rows)])) {
    const [before, after] = [backedUp.rows[table], restored.rows[table]];
    if (before !== after)
      return `Table ${table}: ${before ?? 'none'} rows backed up, ${after ?? 'no such table'} restored.`;
    if (backedUp.hashes[table] !== restored.hashes[table])
      return `Table ${table}: values of the restored copy differ from the database.`;
  }
  return backedUp.definitions === restored.definitions
    ? undefined
    : 'The definitions differ: a table, view, trigger or routine of the restored copy is not as in the database.';
}
