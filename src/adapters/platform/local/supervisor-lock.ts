import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, processStart } from './process-identity.ts';

interface LockHolder {
  pid: number;
  processStart: string;
}

const NAME = /^supervisor\.lock\.(\d+)$/;

/**
 * Makes this process the one supervisor of the folder. The lock is the highest of numbered files; the next number can
 * be made by one process only, and only once the holder of the last is dead, so that two that find a dead one never
 * both take over.
 * @returns the holder where another process is the supervisor; undefined where this one is now
 */
export async function lockSupervisor(dir: string): Promise<LockHolder | undefined> {
  const mine: LockHolder = { pid: process.pid, processStart: processStart(process.pid) as string };
  const draft = join(dir, `supervisor.lock-draft-${process.pid}`);
  await writeFile(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (;;) {
      const last = (await numbers(dir)).at(-1) ?? 0;
      const holder = last === 0 ? undefined : await read(dir, last);
      if (holder && isAlive(holder.pid, holder.processStart)) return holder;
      if (!(await linked(draft, lockPath(dir, last + 1)))) continue;
      const all = await numbers(dir);
      // A later number: this process had slept while others came and went.
      if (all.at(-1) !== last + 1) continue;
      await Promise.all(all.slice(0, -1).map((number) => rm(lockPath(dir, number), { force: true })));
      return undefined;
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function numbers(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

async function read(dir: string, number: number): Promise<LockHolder | undefined> {
  try {
    return JSON.parse(await readFile(lockPath(dir, number), 'utf8')) as LockHolder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function lockPath(dir: string, number: number): string {
  return join(dir, `supervisor.lock.${number}`);
}
