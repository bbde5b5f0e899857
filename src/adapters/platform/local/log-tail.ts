import { open, rename, stat } from 'node:fs/promises';
import { redact } from '../../../model/error.ts';

/** A log that has grown beyond this is set aside when its writer is started anew, bytes. */
const LONGEST_LOG = 10_000_000;
const TAIL_BYTES = 16_384;

/** The last `lines` lines of a log, with what looks like a secret taken out; empty where there is none. */
export async function logTail(path: string, lines: number): Promise<string[]> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).filter(Boolean).map(redact);
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Sets a log that has grown too long aside as `.1`, over the one before. */
export async function rotateLog(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > LONGEST_LOG) await rename(path, `${path}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
