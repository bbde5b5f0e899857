import { link, mkdtemp, readdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Diagnosis } from './diagnosis.ts';

/** Less is too little for journals and records of a run, bytes. */
const LITTLE_SPACE = 50_000_000;
/** A temporary file that was not written for so long belongs to nobody, ms. */
const ABANDONED_MS = 10 * 60_000;

/** The state folder: writable, with hard links (the journal is written by them), with space, without old temporary files. */
export async function examineStateFolder(path: string): Promise<Diagnosis[]> {
  const folder = await nearestExisting(path);
  const diagnoses = [await writable(path, folder)];
  const space = await freeSpace(folder);
  if (space !== undefined) {
    const free = space < 1e9 ? `${Math.round(space / 1e6)} MB` : `${(space / 1e9).toFixed(1)} GB`;
    diagnoses.push(
      space >= LITTLE_SPACE
        ? { status: 'ok', title: `Free space for it: ${free}`, fix: [] }
        : {
            status: 'fail',
            title: `Only ${free} are free at ${folder}`,
            fix: ['Make space, or set state.path in rollback.yaml to a folder on another disk.'],
          },
    );
  }
  if (folder === path) diagnoses.push(...(await abandonedFiles(path)));
  return diagnoses;
}

/** Bytes that this user may still write there; undefined where the file system does not say. */
export async function freeSpace(folder: string): Promise<number | undefined> {
  const { bavail, bsize } = await statfs(await nearestExisting(folder));
  return bsize === 0 ? undefined : bavail * bsize;
}

async function writable(path: string, folder: string): Promise<Diagnosis> {
  const made = folder === path ? '' : ' (it will be made)';
  let scratch: string | undefined;
  try {
    scratch = await mkdtemp(join(folder, '.doctor-'));
    const file = join(scratch, 'a');
    await writeFile(file, '');
    await link(file, join(scratch, 'b'));
    return { status: 'ok', title: `State folder ${path} is writable and has hard links${made}`, fix: [] };
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    return syscall === 'link'
      ? {
          status: 'fail',
          title: `State folder ${path} has no hard links: ${message}`,
          fix: ['Set state.path in rollback.yaml to a folder on another file system.'],
        }
      : {
          status: 'fail',
          title: `State folder ${path} can't be written: ${message}`,
          fix: ['Give this user the folder, or set state.path in rollback.yaml to another one.'],
        };
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

async function abandonedFiles(path: string): Promise<Diagnosis[]> {
  const files = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.tmp'));
  const abandoned: string[] = [];
  for (const name of files) {
    const file = join(path, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Number.NaN }));
    if (Date.now() - mtimeMs > ABANDONED_MS) abandoned.push(file);
  }
  if (abandoned.length === 0) return [{ status: 'ok', title: 'No abandoned temporary files in it', fix: [] }];
  const count = abandoned.length === 1 ? '1 temporary file' : `${abandoned.length} temporary files`;
  return [
    {
      status: 'warn',
      title: `${count} of processes that died in ${path}`,
      fix: [`They are not used and may be removed: rm ${abandoned.join(' ')}`],
    },
  ];
}

async function nearestExisting(path: string): Promise<string> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found || dirname(folder) === folder) return folder;
  }
}
