import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RollbackError } from '../../../model/error.ts';
import { HISTOGRAM_BOUNDS_MS } from '../../../model/histogram.ts';
import type { ReleaseTotals } from './proxy-api.ts';
import type { DiskWrites } from './proxy-disk.ts';

/** One page a release, so that a write is never torn between two; the first page says what the others hold. */
const PAGE = 4096;
const ID_BYTES = 119;
const BUCKETS = HISTOGRAM_BOUNDS_MS.length + 1;
const COUNTS = 2 + BUCKETS;
/** Positions in float64s: the page begins with the release id. */
const SEQUENCE = 16;
const LOGGED = SEQUENCE + 1;
const UPDATED_AT = LOGGED + COUNTS;
const COUNTED = UPDATED_AT + 1;
const END = COUNTED + COUNTS;
const FORMAT = `rda-traffic-totals 1 ${BUCKETS}\n`;

/** What one more line of the log says: counts since the line before. */
export interface TrafficDelta {
  requests: number;
  errors: number;
  /** Bucket and count, only those that are not zero. */
  latency: [number, number][];
}

/** The cumulative counts of one release. Two sets: all that was counted, and how much of it the log already has. */
export interface ReleasePage {
  readonly release: string;
  /** Number of the last line of the log that was taken into the logged counts. */
  sequence(): number;
  /** When a request was last counted, ms since the epoch. */
  updatedAt(): number;
  count(error: boolean, bucket: number | undefined, now: number): void;
  /** Counted and not logged; undefined where there is nothing. */
  pending(): TrafficDelta | undefined;
  /** Takes one line into the logged counts. */
  markLogged(delta: TrafficDelta, sequence: number): void;
  totals(): ReleaseTotals;
}

/** `<DIR>/traffic-totals.bin`: every count is in the page cache before the next event, so a SIGKILL loses none. */
export interface TrafficTotals {
  /** All releases ever counted. */
  pages(): ReleasePage[];
  /** The page of one release; made where there is none. */
  page(release: string): ReleasePage;
  close(): void;
}

/** @throws RollbackError `TRAFFIC_FORMAT` where the file was written with other buckets, or is none of ours */
export function openTrafficTotals(dir: string, disk: DiskWrites): TrafficTotals {
  const path = join(dir, 'traffic-totals.bin');
  const fd = openSync(path, 'a+', 0o600);
  closeSync(fd);
  const file = openSync(path, 'r+');
  const pages = readPages(file, path, disk);
  return {
    pages: () => [...pages.values()],
    page(release) {
      const known = pages.get(release);
      if (known) return known;
      const bytes = Buffer.alloc(PAGE);
      bytes.writeUInt8(Buffer.byteLength(release), 0);
      bytes.write(release, 1);
      const made = releasePage(file, (pages.size + 1) * PAGE, bytes, disk);
      disk.attempt('traffic totals', () => {
        writeSync(file, bytes, 0, PAGE, (pages.size + 1) * PAGE);
      });
      pages.set(release, made);
      return made;
    },
    close: () => closeSync(file),
  };
}

function readPages(file: number, path: string, disk: DiskWrites): Map<string, ReleasePage> {
  const pages = new Map<string, ReleasePage>();
  const size = fstatSync(file).size;
  const first = Buffer.alloc(PAGE);
  if (size < PAGE) {
    first.write(FORMAT);
    writeSync(file, first, 0, PAGE, 0);
    return pages;
  }
  readSync(file, first, 0, PAGE, 0);
  if (!first.toString('utf8').startsWith(FORMAT)) {
    throw new RollbackError({
      code: 'TRAFFIC_FORMAT',
      summary: 'The traffic totals were written by another version',
      detail: `${path} does not begin with "${FORMAT.trim()}".`,
      fix: `Move ${path} away; the evidence of earlier releases starts anew.`,
    });
  }
  for (let at = PAGE; at < size; at += PAGE) {
    const bytes = Buffer.alloc(PAGE);
    readSync(file, bytes, 0, PAGE, at);
    const release = bytes.toString('utf8', 1, 1 + Math.min(bytes.readUInt8(0), ID_BYTES));
    pages.set(release, releasePage(file, at, bytes, disk));
  }
  return pages;
}

function releasePage(file: number, at: number, bytes: Buffer, disk: DiskWrites): ReleasePage {
  const cells = new Float64Array(bytes.buffer, bytes.byteOffset, END);
  const cell = (index: number) => cells[index] as number;

  function write(from: number, to: number): void {
    disk.attempt('traffic totals', () => {
      writeSync(file, bytes, from * 8, (to - from) * 8, at + from * 8);
    });
  }

  return {
    release: bytes.toString('utf8', 1, 1 + bytes.readUInt8(0)),
    sequence: () => cell(SEQUENCE),
    updatedAt: () => cell(UPDATED_AT),
    count(error, bucket, now) {
      cells[UPDATED_AT] = now;
      cells[COUNTED] = cell(COUNTED) + 1;
      if (error) cells[COUNTED + 1] = cell(COUNTED + 1) + 1;
      if (bucket !== undefined) cells[COUNTED + 2 + bucket] = cell(COUNTED + 2 + bucket) + 1;
      write(UPDATED_AT, END);
    },
    pending() {
      const since = (i: number) => cell(COUNTED + i) - cell(LOGGED + i);
      if (since(0) === 0) return undefined;
      const latency: [number, number][] = [];
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (since(2 + bucket) > 0) latency.push([bucket, since(2 + bucket)]);
      }
      return { requests: since(0), errors: since(1), latency };
    },
    markLogged(delta, sequence) {
      cells[SEQUENCE] = sequence;
      cells[LOGGED] = cell(LOGGED) + delta.requests;
      cells[LOGGED + 1] = cell(LOGGED + 1) + delta.errors;
      for (const [bucket, count] of delta.latency)
        cells[LOGGED + 2 + bucket] = cell(LOGGED + 2 + bucket) + count;
      write(SEQUENCE, UPDATED_AT);
    },
    totals: () => ({
      requests: cell(COUNTED),
      errors: cell(COUNTED + 1),
      latency: { counts: Array.from(cells.subarray(COUNTED + 2, END)) },
    }),
  };
}
