import type { StateStore } from '../adapters/store/store.ts';
import { EXIT, RollbackError } from '../model/error.ts';

/**
 * The run that is meant by a whole id, by the beginning of just one, or by `last`.
 * @throws RollbackError `RUN_NOT_FOUND`, `RUN_AMBIGUOUS` (both exit 2)
 */
export async function findRun(store: StateStore, meant: string): Promise<string> {
  const all = await store.list();
  if (all.includes(meant)) return meant;
  const last = all.at(-1);
  if (meant === 'last' && last !== undefined) return last;
  const matching = meant === '' ? [] : all.filter((runId) => runId.startsWith(meant));
  if (matching.length === 1) return matching[0] as string;
  if (matching.length > 1) {
    throw new RollbackError({
      code: 'RUN_AMBIGUOUS',
      summary: `More than one run begins with "${meant}"`,
      detail: `They are ${matching.join(', ')}.`,
      fix: `Name one whole: rollback-deploy-auto show ${matching.at(-1)}`,
      exit: EXIT.usage,
    });
  }
  // Reading an unknown run says which ones are near.
  await store.read(meant);
  return meant;
}
