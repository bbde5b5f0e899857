import { chown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const NOBODY = 65_534;

/**
 * Runs `work` as somebody whom permissions bind. They do not bind root, so a test that runs as root becomes nobody for
 * as long, and the folder becomes nobody's.
 */
export async function withoutRoot(folder: string, work: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return work();
  const inside = await readdir(folder, { recursive: true });
  for (const path of ['', ...inside]) await chown(join(folder, path), NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}
