import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive, namesIn } from './backup-files.ts';

const FOLDER = /^rollback-deploy-auto-(\d+)-/;

/**
 * A folder of its own, mode 0700, deleted with what is in it after `work`. What a process that was killed left is deleted
 * by the next one.
 */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  for (const name of await namesIn(tmpdir())) {
    const pid = FOLDER.exec(name)?.[1];
    // Another user's can't be deleted, and need not be.
    if (pid !== undefined && !isAlive(Number(pid)))
      await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
  const folder = await mkdtemp(join(tmpdir(), `rollback-deploy-auto-${process.pid}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
