import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Hands a secret to a tool as a file: mode 0600 in a folder of its own, deleted afterwards. */
export async function withSecretFile<T>(content: string, work: (path: string) => Promise<T>): Promise<T> {
  return withTemporaryFolder(async (folder) => {
    const path = join(folder, 'credentials');
    await writeFile(path, content, { mode: 0o600, flag: 'wx' });
    return work(path);
  });
}
