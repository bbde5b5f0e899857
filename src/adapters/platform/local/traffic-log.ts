import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TrafficDelta } from './traffic-totals.ts';

/** One line of `<DIR>/traffic/<YYYY-MM-DD>.jsonl`: what passed since the release's line before. */
export interface TrafficLine extends TrafficDelta {
  /** When the last of them ended, ms since the epoch. */
  t: number;
  /** Release id. */
  release: string;
  /** Counts the lines of a release, so that a line is never taken twice after a crash. */
  sequence: number;
}

const NEWLINE = 10;
const DAY_MS = 86_400_000;
const DAYS_KEPT = 3;
const IN_MEMORY_MS = 2 * 3_600_000;

/** Traffic over time: a file a day (UTC), the last two hours in memory too. */
export interface TrafficLog {
  /** @throws the file system's error; the line is not there then */
  append(line: TrafficLine, now: number): void;
  /** Lines with `sinceMs < t <= untilMs`, from memory, or from disk where it goes further back. */
  between(sinceMs: number, untilMs: number): TrafficLine[];
  /** Newest first, from the file of one day. */
  ofDay(t: number): Generator<TrafficLine>;
}

export function openTrafficLog(dir: string, now: number): TrafficLog {
  const folder = join(dir, 'traffic');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  deleteOldDays(folder, now);
  let today = dayOf(now);
  let heldFrom = now - IN_MEMORY_MS;
  const held = [...readBetween(folder, heldFrom, now)];

  function append(line: TrafficLine, at: number): void {
    appendWhole(join(folder, `${dayOf(line.t)}.jsonl`), `${JSON.stringify(line)}\n`);
    held.push(line);
    heldFrom = at - IN_MEMORY_MS;
    const kept = held.findIndex((one) => one.t > heldFrom);
    held.splice(0, kept === -1 ? held.length : kept);
    if (dayOf(at) !== today) {
      today = dayOf(at);
      deleteOldDays(folder, at);
    }
  }

  return {
    append,
    between: (sinceMs, untilMs) =>
      sinceMs < heldFrom
        ? [...readBetween(folder, sinceMs, untilMs)]
        : held.filter((line) => line.t > sinceMs && line.t <= untilMs),
    ofDay: (t) => newestFirst(join(folder, `${dayOf(t)}.jsonl`)),
  };
}

function* readBetween(folder: string, sinceMs: number, untilMs: number): Generator<TrafficLine> {
  const days = readdirSync(folder).filter((name) => /^\d{4}-\d\d-\d\d\.jsonl$/.test(name));
  for (const name of days.sort()) {
    const day = name.slice(0, 10);
    if (day < dayOf(sinceMs) || day > dayOf(untilMs)) continue;
    const lines: TrafficLine[] = [];
    for (const line of newestFirst(join(folder, name))) {
      // Lines of one release are in order; those of several, flushed together, may differ by their last second.
      if (line.t <= sinceMs - 10_000) break;
      if (line.t > sinceMs && line.t <= untilMs) lines.push(line);
    }
    yield* lines.reverse();
  }
}

/** A last line without its end was torn by a crash and is left out; its counts are still pending in the totals. */
function* newestFirst(path: string): Generator<TrafficLine> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  let end = text.lastIndexOf('\n');
  while (end > 0) {
    const start = text.lastIndexOf('\n', end - 1) + 1;
    yield JSON.parse(text.slice(start, end)) as TrafficLine;
    end = start - 1;
  }
}

function appendWhole(path: string, text: string): void {
  const fd = openSync(path, 'a+', 0o600);
  try {
    const size = wholeLines(fd, path);
    const bytes = Buffer.from(text);
    try {
      const written = writeSync(fd, bytes);
      if (written < bytes.length)
        throw new Error(`only ${written} of ${bytes.length} bytes written to ${path}`);
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** Cuts off a last line that was torn by a crash. @returns the size that is left */
function wholeLines(fd: number, path: string): number {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  if (size === 0 || (readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === NEWLINE)) return size;
  const whole = readFileSync(path).lastIndexOf(NEWLINE) + 1;
  ftruncateSync(fd, whole);
  return whole;
}

function deleteOldDays(folder: string, now: number): void {
  const oldest = dayOf(now - DAYS_KEPT * DAY_MS);
  for (const name of readdirSync(folder)) {
    if (/^\d{4}-\d\d-\d\d\.jsonl$/.test(name) && name.slice(0, 10) < oldest) unlinkSync(join(folder, name));
  }
}

function dayOf(t: number): string {
  return new Date(t).toISOString().slice(0, 10);
}
