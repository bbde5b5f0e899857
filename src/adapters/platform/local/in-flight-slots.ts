import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { LostRequests } from './proxy-api.ts';
import type { DiskWrites } from './proxy-disk.ts';

/** Generation (float64), then one count (uint32) a slot. */
const HEADER_BYTES = 8;
const SLOT_BYTES = 4;

/**
 * How much each backend is answering now, in a file of fixed slots that outlives a SIGKILL: each change is one `pwrite`
 * into the page cache. What the file still says when the next proxy starts was lost with this one.
 */
export interface InFlightSlots {
  /** A slot that nobody has, at zero. */
  take(): number;
  set(slot: number, count: number): void;
  /** Gives a slot back; its count must be zero. */
  free(slot: number): void;
  /** What earlier proxies lost. */
  readonly lost: LostRequests;
  /** Takes no more counts. Where something is still in flight the file stays, for the next proxy to count. */
  close(): void;
}

/** `<DIR>/proxy-lost.json`. `counted` is the generation of the last file taken into it, so that none is counted twice. */
interface LostFile extends LostRequests {
  counted: number;
}

/**
 * Takes what the previous proxy left behind into `<DIR>/proxy-lost.json`, and begins anew. Only for the process that
 * already listens for the service: it is the one proxy there is.
 */
export function openInFlightSlots(dir: string, disk: DiskWrites, now: number): InFlightSlots {
  const path = join(dir, 'in-flight.bin');
  const lost = countLost(dir, path, now);
  const fd = openSync(path, 'w', 0o600);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeDoubleLE(Math.max(now, lost.counted + 1));
  writeSync(fd, header, 0, HEADER_BYTES, 0);
  const counts: number[] = [];
  const freed: number[] = [];
  let closed = false;
  const cell = Buffer.alloc(SLOT_BYTES);

  function set(slot: number, count: number): void {
    if (closed) return;
    counts[slot] = count;
    cell.writeUInt32LE(count);
    disk.attempt('in-flight counts', () => {
      writeSync(fd, cell, 0, SLOT_BYTES, HEADER_BYTES + slot * SLOT_BYTES);
    });
  }

  return {
    take() {
      const slot = freed.pop() ?? counts.length;
      set(slot, 0);
      return slot;
    },
    set,
    free: (slot) => {
      freed.push(slot);
    },
    lost: { restarts: lost.restarts, requests: lost.requests, ...(lost.last ? { last: lost.last } : {}) },
    close() {
      if (closed) return;
      closed = true;
      closeSync(fd);
      if (counts.every((count) => count === 0)) unlinkSync(path);
    },
  };
}

function countLost(dir: string, path: string, now: number): LostFile {
  const lostPath = join(dir, 'proxy-lost.json');
  const before = read(lostPath);
  const lost: LostFile = before
    ? (JSON.parse(before.toString('utf8')) as LostFile)
    : { restarts: 0, requests: 0, counted: 0 };
  const left = read(path);
  if (!left || left.length < HEADER_BYTES) return lost;
  const generation = left.readDoubleLE(0);
  if (generation === lost.counted) return lost;
  let requests = 0;
  for (let at = HEADER_BYTES; at + SLOT_BYTES <= left.length; at += SLOT_BYTES)
    requests += left.readUInt32LE(at);
  const after: LostFile = {
    restarts: lost.restarts + 1,
    requests: lost.requests + requests,
    last: { at: new Date(now).toISOString(), requests },
    counted: generation,
  };
  writeFileSync(`${lostPath}.new`, `${JSON.stringify(after)}\n`, { mode: 0o600 });
  renameSync(`${lostPath}.new`, lostPath);
  return after;
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
