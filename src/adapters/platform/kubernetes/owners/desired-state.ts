import { setTimeout as wait } from 'node:timers/promises';
import type { StepContext } from '../../../../engine/step.ts';
import type { Cluster } from '../../../../kubernetes/cluster.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { pointerPart } from '../../../../kubernetes/resource-paths.ts';
import { RollbackError } from '../../../../model/error.ts';
import { type WorkloadName, workloadText } from '../view.ts';
import { type ReconcilerName, reconcilerText } from './owner.ts';
import { type Application, reconcilerPath } from './reconciler-object.ts';

/** Whether what a reconciler declares is what runs now. `unknown` where it does not say. */
export type Desired = { state: 'restored'; why: string } | { state: 'other' | 'unknown'; why: string };

export interface DesiredInput {
  reconciler: ReconcilerName;
  workloads: { namespace: string; workload: WorkloadName }[];
}

const REFRESH = 'argocd.argoproj.io/refresh';
const ANSWER_MS = 20_000;
const LOOK_MS = 500;

/**
 * Asks the reconciler itself, while it is suspended. Argo CD compares then, too: an application that is made to
 * refresh and finds the workload in sync declares what runs. A suspended Flux object compares nothing.
 */
export async function desiredState(
  cluster: Cluster,
  input: DesiredInput,
  context: Pick<StepContext, 'signal' | 'clock'>,
): Promise<Desired> {
  const text = reconcilerText(input.reconciler);
  if (input.reconciler.kind !== 'argo-cd')
    return { state: 'unknown', why: `${text} compares nothing while it is suspended.` };
  const path = await reconcilerPath(cluster, input.reconciler, context.signal);
  await refresh(cluster, path, context.signal);
  const since = context.clock.now();
  for (;;) {
    const object = await cluster.get<Application>(path, { signal: context.signal });
    // The controller takes the annotation away when it has compared.
    if (object.metadata.annotations?.[REFRESH] === undefined) return argoState(object, input.workloads, text);
    if (context.clock.now() - since > ANSWER_MS) {
      return { state: 'unknown', why: `${text} did not compare within ${ANSWER_MS / 1000} s.` };
    }
    await wait(LOOK_MS, undefined, { signal: context.signal });
  }
}

async function refresh(cluster: Cluster, path: string, signal: AbortSignal): Promise<void> {
  const object = await cluster.get<KubernetesObject>(path, { signal });
  // The annotation of the suspension is there, so the map is.
  if (object.metadata.annotations === undefined) throw annotationsGone(path);
  await cluster.patch(
    path,
    [
      { op: 'test', path: '/metadata/uid', value: object.metadata.uid },
      { op: 'add', path: `/metadata/annotations/${pointerPart(REFRESH)}`, value: 'hard' },
    ],
    { signal },
  );
}

function argoState({ status }: Application, workloads: DesiredInput['workloads'], text: string): Desired {
  for (const { namespace, workload } of workloads) {
    const found = status?.resources?.find(
      (one) =>
        one.kind.toLowerCase() === workload.kind &&
        one.name === workload.name &&
        (one.namespace ?? namespace) === namespace,
    );
    const name = workloadText(workload);
    if (!found) return { state: 'unknown', why: `${text} does not say how it stands with ${name}.` };
    if (found.status !== 'Synced') {
      return {
        state: 'other',
        why: `${text} finds ${name} ${found.status ?? 'unknown'}: git has another release.`,
      };
    }
  }
  return { state: 'restored', why: `${text} compared and finds what runs in sync with git.` };
}

function annotationsGone(path: string): RollbackError {
  return new RollbackError({
    code: 'RECONCILER_CHANGED',
    summary: `Somebody took all annotations from ${path}`,
    retriable: true,
  });
}
