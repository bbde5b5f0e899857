import type { StateStore } from '../adapters/store/store.ts';
import { EXIT, RollbackError } from '../model/error.ts';
import { type RunState, runState } from '../model/run-state.ts';
import { findRun } from './find-run.ts';
import { type SelectedService, type Selection, workloadAlone } from './select-service.ts';

/**
 * The service of a run that is found by its namespace alone: the run that is named, or the only unfinished one.
 * @throws RollbackError `RUN_NOT_NAMED`, `RUN_NOT_FOUND`, `RUN_AMBIGUOUS`, `CONFIG_NEEDED` (exit 2)
 */
export async function selectByRun(
  store: StateStore,
  selection: Selection,
  run: string | undefined,
): Promise<SelectedService> {
  const state =
    run === undefined
      ? await onlyUnfinished(store, selection)
      : runState(await store.read(await findRun(store, run)));
  const { target, service } = state.asked;
  const [, namespace, workload] =
    /^kubernetes\/([^/]+)\/([a-z]+\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/.exec(target) ?? [];
  if (namespace !== undefined && workload !== undefined)
    return workloadAlone({ ...selection, namespace }, workload, service);
  throw new RollbackError({
    code: 'CONFIG_NEEDED',
    summary: `Run ${state.runId} needs the configuration it was made with`,
    detail: `It moves ${target}, which is more than one workload.`,
    fix: 'Run this where its rollback.yaml is, or name the file: --config FILE',
    exit: EXIT.usage,
  });
}

async function onlyUnfinished(store: StateStore, { namespace }: Selection): Promise<RunState> {
  const open: RunState[] = [];
  for (const runId of await store.list()) {
    const state = runState(await store.read(runId));
    if (!state.end) open.push(state);
  }
  const [only] = open;
  if (only && open.length === 1) return only;
  const where = namespace === undefined ? 'the namespace' : `namespace ${namespace}`;
  throw new RollbackError({
    code: only ? 'RUN_NOT_NAMED' : 'NOTHING_TO_RESUME',
    summary: only ? `More than one run in ${where} is unfinished` : `No run in ${where} is unfinished`,
    detail: only
      ? open.map(({ runId, asked }) => `${runId}: ${asked.target} to ${asked.to.version}`).join('\n')
      : undefined,
    production: 'Nothing was changed.',
    fix: only
      ? `Name one: rollback-deploy-auto resume ${open.at(-1)?.runId}`
      : 'See the runs of a workload: rollback-deploy-auto history deployment/NAME',
    exit: EXIT.usage,
  });
}
