import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { DumpHeader, DumpSummary } from './dump.ts';
import { completionLine, HEADER_START, SUMMARY_START } from './dump.ts';

/** Header and summary as the backup itself tells them; undefined where it was never finished, or was cut off. */
export async function readBackup(
  path: string,
): Promise<{ header: DumpHeader; summary: DumpSummary } | undefined> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = (await readAt(file, 0, Math.min(size, 8192))).split('\n', 1)[0] as string;
    if (!header.startsWith(HEADER_START)) return undefined;
    for (let length = Math.min(size, 65_536); ; length = Math.min(size, length * 8)) {
      const tail = await readAt(file, size - length, length);
      const at = tail.lastIndexOf(`\n${SUMMARY_START}`);
      if (at === -1 && length < size) continue;
      const [summaryLine, lastLine, rest] = tail.slice(at + 1).split('\n');
      if (at === -1 || !summaryLine || rest !== '') return undefined;
      const summary = JSON.parse(summaryLine.slice(SUMMARY_START.length)) as DumpSummary;
      if (lastLine !== completionLine(summary)) return undefined;
      return { header: JSON.parse(header.slice(HEADER_START.length)) as DumpHeader, summary };
    }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<string> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.toString('utf8', 0, bytesRead);
}
