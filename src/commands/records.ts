import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { StateStore } from '../adapters/store/store.ts';
import { RollbackError } from '../model/error.ts';
import type { RunRecord } from '../model/record.ts';
import { recordOf } from './record-of.ts';

export { recordOf };

/** Writes a record as Markdown. */
export type RenderRecord = (record: RunRecord) => string;

/**
 * Stores a run's record (`records/RUN`) and writes it for people and pipelines: `records/RUN.json` and `records/RUN.md`
 * in the state folder, where there is one. What a monitor added to the stored one stays where `record` has none.
 * @returns the record as stored.
 * @throws RollbackError `RECORD_NOT_WRITTEN`, or why the store could not take it
 */
export function saveRecord(
  store: StateStore,
  statePath: string | undefined,
  record: RunRecord,
  render: RenderRecord,
): Promise<RunRecord> {
  return change(store, statePath, record.runId, render, async (stored) => ({
    ...record,
    monitor: record.monitor ?? stored?.monitor,
  }));
}

/**
 * Changes the record of a run, whoever else does so at the same time: `edit` may be called more than once. Where none
 * is stored it begins with what the journal says.
 * @returns the record as stored.
 * @throws RollbackError `RUN_NOT_FOUND`, `RECORD_NOT_WRITTEN`
 */
export function updateRecord(
  store: StateStore,
  statePath: string | undefined,
  runId: string,
  render: RenderRecord,
  edit: (record: RunRecord) => RunRecord,
): Promise<RunRecord> {
  return change(store, statePath, runId, render, async (stored) =>
    edit(stored ?? recordOf(await store.read(runId))),
  );
}

/** Tries of a write whose acknowledgement is lost. */
const ATTEMPTS = 5;

async function change(
  store: StateStore,
  statePath: string | undefined,
  runId: string,
  render: RenderRecord,
  edit: (stored: RunRecord | undefined) => Promise<RunRecord>,
): Promise<RunRecord> {
  let record: RunRecord;
  for (let failures = 0; ; ) {
    const stored = await store.get<RunRecord>('records', runId);
    record = await edit(stored?.value);
    try {
      await store.put('records', runId, record, stored?.version ?? 0);
      break;
    } catch (error) {
      if (!(error instanceof RollbackError)) throw error;
      // Each time somebody else got through, so this ends.
      if (error.code === 'DOCUMENT_CHANGED') continue;
      // What was not acknowledged may be stored all the same; writing it once more does no harm.
      if (!error.retriable || ++failures === ATTEMPTS) throw error;
    }
  }
  if (statePath !== undefined) await writeFiles(store, statePath, runId, render);
  return record;
}

/** The files follow the stored record: who finds it changed after writing them writes them again. */
async function writeFiles(
  store: StateStore,
  statePath: string,
  runId: string,
  render: RenderRecord,
): Promise<void> {
  const folder = join(statePath, 'records');
  for (let written = 0; ; ) {
    const stored = await store.get<RunRecord>('records', runId);
    if (!stored || stored.version === written) return;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const json = `${JSON.stringify(stored.value, null, 2)}\n`;
      await writeFileAtomic(join(folder, `${runId}.json`), json, { mode: 0o600 });
      await writeFileAtomic(join(folder, `${runId}.md`), render(stored.value), { mode: 0o600 });
    } catch (cause) {
      throw new RollbackError({
        code: 'RECORD_NOT_WRITTEN',
        summary: `The record of run ${runId} cannot be written to ${folder}`,
        detail: `${(cause as Error).message}. The run itself is journalled.`,
        fix: `Once the folder takes files again: rollback-deploy-auto show ${runId}`,
        cause,
      });
    }
    written = stored.version;
  }
}
