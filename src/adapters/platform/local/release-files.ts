import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { Release } from '../../../model/release.ts';

/** What a release is; its evidence is kept apart, because it grows. */
export type ReleaseRecord = Omit<Release, 'evidence'>;

/** Folder of a release: `release.json`, `image.json`, `rootfs/`. @throws Error where the id is no plain name */
export function releaseFolder(dir: string, id: string): string {
  if (!/^[A-Za-z0-9][\w.-]{0,99}$/.test(id)) throw new Error(`"${id}" is no id of a release.`);
  return join(dir, 'releases', id);
}

/** The records of the releases of one service. They never change once written. */
export interface ReleaseFiles {
  /** @throws Error where there is none */
  read(id: string): Promise<ReleaseRecord>;
  write(record: ReleaseRecord): Promise<void>;
  remove(id: string): Promise<void>;
}

export function releaseFiles(dir: string): ReleaseFiles {
  const known = new Map<string, ReleaseRecord>();
  return {
    async read(id) {
      const found = known.get(id);
      if (found) return found;
      const text = await readFile(join(releaseFolder(dir, id), 'release.json'), 'utf8');
      const record = JSON.parse(text) as ReleaseRecord;
      known.set(id, record);
      return record;
    },
    async write(record) {
      const folder = releaseFolder(dir, record.id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFileAtomic(join(folder, 'release.json'), `${JSON.stringify(record)}\n`, { mode: 0o600 });
      known.set(record.id, record);
    },
    async remove(id) {
      known.delete(id);
      await rm(releaseFolder(dir, id), { recursive: true, force: true });
    },
  };
}
