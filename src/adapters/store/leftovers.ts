import { createHash } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { processPlace, processStart } from '../process-identity.ts';

/**
 * Name of a file that is being written. It tells who writes it, so that others know when it is left over:
 * `000007.PLACE-PID-START.RANDOM.tmp`, with short hashes of the place and the process start.
 */
export function temporaryName(number: number, random: string): string {
  own ??= `${short(processPlace())}-${process.pid}-${short(processStart(process.pid) ?? '')}`;
  return `${String(number).padStart(6, '0')}.${own}.${random}.tmp`;
}

/**
 * Removes files whose writer died on this host; once per folder and process. Files from elsewhere stay: whether
 * their writers live can't be told.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  if (looked.has(folder)) return;
  looked.add(folder);
  for (const name of await readdir(folder)) {
    const writer = /^\d+\.([0-9a-f]+)-(\d+)-([0-9a-f]+)\.[0-9a-f]+\.tmp$/.exec(name);
    if (!writer || writer[1] !== short(processPlace())) continue;
    const start = processStart(Number(writer[2]));
    if (start !== undefined && short(start) === writer[3]) continue;
    await unlink(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

let own: string | undefined;
const looked = new Set<string>();

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
