import type { Leftover } from '../adapters/platform/platform.ts';
import type { StateStore } from '../adapters/store/store.ts';
import type { Composed } from '../compose.ts';
import type { KubernetesPlace } from '../compose-kubernetes.ts';
import { thisHolder } from '../holder.ts';
import type { RunState } from '../model/run-state.ts';
import { runState } from '../model/run-state.ts';
import { type Diagnosis, failure, ok } from './diagnosis.ts';
import { mend } from './mend.ts';
import type { SelectedService } from './select-service.ts';
import { systemClock } from './system-clock.ts';

export interface ClusterExamination {
  service: SelectedService;
  composed: Composed & { kubernetes: KubernetesPlace };
  /** Put back what runs that are over or lost left. */
  fix: boolean;
  /** A signal for one look. */
  deadline(): AbortSignal;
}

/** Connection to the cluster, and what runs left on its objects. Rights are among what the platform's preflight finds. */
export async function examineCluster(examination: ClusterExamination): Promise<Diagnosis[]> {
  const { composed, deadline } = examination;
  const { cluster, namespace } = composed.kubernetes;
  const where = `Cluster ${cluster.server} (context ${cluster.context}, namespace ${namespace})`;
  try {
    const { gitVersion } = await cluster.get<{ gitVersion: string }>('/version', { signal: deadline() });
    const left = await examineLeftovers(examination);
    return [ok(`${where}: Kubernetes ${gitVersion}`), ...left, ...(await examineWarm(examination))];
  } catch (error) {
    return [failure(where, error)];
  }
}

async function examineLeftovers(examination: ClusterExamination): Promise<Diagnosis[]> {
  const { composed, fix } = examination;
  const { store } = composed.adapters;
  const left = await leftovers(examination);
  const open = await unfinishedOf(store, left);
  if (open.length > 0) return open.map(notOver);
  const mendable = left.filter(({ byHand }) => byHand === undefined);
  if (!fix || mendable.length === 0) return left.map(told);
  await finish(examination, mendable);
  const still = await leftovers(examination);
  const gone = mendable.filter(({ says }) => !still.some((one) => one.says === says));
  return [...gone.map(({ says, run }) => ok(`Put back: ${says}${ofRun(run)}`)), ...still.map(told)];
}

async function examineWarm({ composed, fix, deadline }: ClusterExamination): Promise<Diagnosis[]> {
  const over = (await composed.adapters.platform.endWarm?.({ fix }, deadline())) ?? [];
  if (fix) return over.map((says) => ok(`Ended: ${says}`));
  return over.map((title) => ({ status: 'warn', title, fix: ['End it: rollback-deploy-auto doctor --fix'] }));
}

async function leftovers({ composed, deadline }: ClusterExamination): Promise<Leftover[]> {
  return (await composed.adapters.platform.leftovers?.(deadline())) ?? [];
}

/** Runs that wrote something that is still there, and that have no end yet. */
async function unfinishedOf(store: StateStore, left: Leftover[]): Promise<RunState[]> {
  const known = await store.list();
  const runs = [...new Set(left.flatMap(({ run }) => run ?? []))].filter((run) => known.includes(run));
  const states = await Promise.all(runs.map(async (run) => runState(await store.read(run))));
  return states.filter(({ end }) => end === undefined);
}

/** @throws RollbackError as `mend`, or why it did not come to its end */
async function finish({ service, composed }: ClusterExamination, left: Leftover[]): Promise<void> {
  const never = new AbortController().signal;
  const runs = [...new Set(left.flatMap(({ run }) => run ?? []))];
  const { error } = await mend(
    {
      ...service,
      ...composed,
      // Records of a service of a cluster are kept there.
      statePath: undefined,
      clock: systemClock,
      holder: thisHolder(),
      emit: () => {},
      stop: { requested: never, immediate: never },
      consent: async () => ({ given: true, reason: undefined }),
      renderRecord: () => '',
    },
    {
      strategy: left.some(({ by }) => by === 'all') ? 'instant' : 'rolling',
      why: `doctor --fix: ${runs.length > 0 ? `run ${runs.join(', ')} is lost` : 'a run is lost'}`,
    },
  );
  if (error) throw error;
}

function notOver({ runId, asked }: RunState): Diagnosis {
  const title = `Run ${runId} has not come to its end, and holds ${asked.service} meanwhile`;
  const fix = [`Go on: rollback-deploy-auto resume ${runId}`, `Go back: rollback-deploy-auto abort ${runId}`];
  return { status: 'warn', title, fix };
}

function told({ says, run, byHand }: Leftover): Diagnosis {
  const fix = byHand ?? ['Put it back: rollback-deploy-auto doctor --fix'];
  return { status: 'warn', title: `Left over: ${says}${ofRun(run)}`, fix };
}

function ofRun(run: string | undefined): string {
  return run === undefined ? '' : ` (run ${run})`;
}
