import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CommandContext } from './context.ts';

/** Writes the patch of a refused plan into the current folder, and says where it is; does nothing where there is none. */
export async function writeRevert(
  { emit }: Pick<CommandContext, 'emit'>,
  runId: string,
  revert: string | undefined,
): Promise<void> {
  if (revert === undefined) return;
  const file = resolve(`rollback-${runId}.patch`);
  await writeFile(file, revert);
  emit({ type: 'notice', message: `The revert is written. In the clone: git am ${file} && git push` });
}
