import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, its end mark included (unix(7)). */
const LONGEST = 100;

/**
 * Where the unix socket `name` of the folder `dir` is: in the folder itself, or where that path is too long for a
 * socket, in a private folder (mode 0700, made if it is missing) below the system's temporary folder, named by a hash
 * of `dir`. The same arguments give the same path in every process of a user.
 * @throws Error where the private folder belongs to somebody else or is a link
 */
export function socketPath(dir: string, name: string): string {
  const path = join(resolve(dir), name);
  if (Buffer.byteLength(path) <= LONGEST) return path;
  const user = process.getuid?.() ?? 'user';
  const hash = createHash('sha256').update(resolve(dir)).digest('hex').slice(0, 12);
  const folder = join(tmpdir(), `rda-${user}-${hash}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new Error(`${folder} is not a folder of this user.`);
  }
  if ((found.mode & 0o777) !== 0o700) chmodSync(folder, 0o700);
  return join(folder, name);
}
