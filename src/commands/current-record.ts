import type { StateStore } from '../adapters/store/store.ts';
import type { RunRecord } from '../model/record.ts';
import { recordOf } from './record-of.ts';

/**
 * A run's record as its journal tells it now; the stored one may be older, where a client died. What a monitor saw is
 * in the stored one only.
 */
export async function currentRecord(store: StateStore, runId: string): Promise<RunRecord> {
  const entries = await store.read(runId);
  const stored = await store.get<RunRecord>('records', runId);
  return recordOf(entries, stored?.value.monitor);
}
