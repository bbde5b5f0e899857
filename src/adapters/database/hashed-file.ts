import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/**
 * Writes a new file, mode 0600, and flushes it to the disk; its SHA-256 is that of what was given, not of what a disk
 * made of it.
 */
export async function writeHashed(
  path: string,
  fill: (write: (chunk: Buffer) => Promise<void>) => Promise<void>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    await fill(async (chunk) => {
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
      bytes += chunk.length;
    });
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}
