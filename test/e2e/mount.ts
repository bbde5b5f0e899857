import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether file systems can be mounted here: Linux, as root, in a container that may. */
export async function canMount(folder: string): Promise<boolean> {
  try {
    const unmount = await mount(folder, ['-t', 'tmpfs', '-o', 'size=64k'], 'tmpfs');
    await unmount();
    return true;
  } catch {
    return false;
  }
}

/** A file system of its own on the folder, with room for so many kilobytes; returns what unmounts it. */
export function smallDisk(folder: string, kilobytes: number): Promise<() => Promise<void>> {
  return mount(folder, ['-t', 'tmpfs', '-o', `size=${kilobytes}k`], 'tmpfs');
}

/** What is in the folder stays to be read, and nothing can be written; returns what makes it writable again. */
export async function readOnlyFolder(folder: string): Promise<() => Promise<void>> {
  const unmount = await mount(folder, ['--bind'], folder);
  try {
    await run('mount', ['-o', 'remount,ro,bind', folder]);
  } catch (error) {
    await unmount();
    throw error;
  }
  return unmount;
}

async function mount(folder: string, options: string[], source: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  await run('mount', [...options, source, folder]);
  return async () => {
    // Lazily, so that a process that still looks into it can't keep it mounted.
    await run('umount', ['-l', folder]);
  };
}
