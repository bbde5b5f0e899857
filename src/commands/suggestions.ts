import { compose } from '../compose.ts';
import { type Selection, selectOne } from './select-service.ts';
import { systemClock } from './system-clock.ts';

export interface SuggestionsInput extends Selection {
  /** Whether versions are wanted. */
  versions: boolean;
  /** Whether run ids are wanted. */
  runs: boolean;
  signal: AbortSignal;
}

/**
 * Versions that were deployed and runs, newest first, for completion in a shell.
 * @throws RollbackError where the configuration or the platform can't be read.
 */
export async function suggestions(input: SuggestionsInput): Promise<{ versions: string[]; runs: string[] }> {
  const { adapters } = await compose({ ...(await selectOne(input)), clock: systemClock });
  const releases = input.versions ? (await adapters.platform.facts(input.signal)).releases : [];
  const runs = input.runs ? (await adapters.store.list()).reverse() : [];
  return { versions: [...new Set(releases.map(({ version }) => version))], runs };
}
