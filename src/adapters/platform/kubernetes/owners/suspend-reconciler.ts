import { setTimeout as wait } from 'node:timers/promises';
import type { Observation, Step } from '../../../../engine/step.ts';
import type { Cluster, PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { RollbackError } from '../../../../model/error.ts';
import { type ReconcilerName, reconcilerText } from './owner.ts';
import {
  type Application,
  busyWith,
  type FluxObject,
  isActive,
  reconcilerPath,
} from './reconciler-object.ts';
import { SUSPENDED_POINTER, type Suspension, suspensionOf } from './suspension.ts';

export interface SuspendInput {
  reconciler: ReconcilerName;
  /** Who asks for the rollback, for those who find it suspended. */
  by: string;
  why: string;
}

export interface SuspendOutput {
  /** Id of the run that suspended it; undefined where it did not reconcile by itself anyway. */
  run: string | undefined;
}

const LOOK_MS = 500;
/** A look that follows the write: the controller may have begun just before it. */
const SETTLE_MS = 1_000;

/**
 * Keeps Argo CD or Flux from putting the newer release back, and waits until what it was at is over. What was there is
 * kept in an annotation with who did it and why. What is suspended already stays as it is, whoever did that.
 */
export function suspendReconciler(cluster: Cluster): Step<SuspendInput, SuspendOutput> {
  const read = async ({ reconciler }: SuspendInput, signal: AbortSignal) =>
    cluster.get<KubernetesObject>(await reconcilerPath(cluster, reconciler, signal), { signal });
  return {
    async observe(input, context): Promise<Observation<SuspendOutput>> {
      const { kind } = input.reconciler;
      const object = await read(input, context.signal);
      const run = suspensionOf(object)?.run;
      if (isActive(kind, object)) return { state: 'pending', before: stateOf(kind, object) };
      if (busyWith(kind, object) !== undefined) return { state: 'pending', before: stateOf(kind, object) };
      return { state: 'done', output: { run } };
    },
    async apply(input, context) {
      const { reconciler, by, why } = input;
      const { signal, clock, runId, epoch } = context;
      const at = new Date(clock.now()).toISOString();
      const written = await fencedWrite<KubernetesObject>({
        cluster,
        path: await reconcilerPath(cluster, reconciler, signal),
        fence: { runId, epoch },
        change: (object) => {
          if (!isActive(reconciler.kind, object)) return undefined;
          const before = stateOf(reconciler.kind, object);
          const suspension: Suspension = { run: runId, by, why, at, before };
          return [
            ...suspendOperations(reconciler.kind, object),
            { op: 'add', path: SUSPENDED_POINTER, value: JSON.stringify(suspension) },
          ];
        },
        signal,
      });
      await wait(SETTLE_MS, undefined, { signal });
      await untilIdle(input, context.progress);
      return { run: suspensionOf(written)?.run };

      async function untilIdle(of: SuspendInput, progress: (message: string) => void): Promise<void> {
        for (let said = ''; ; await wait(LOOK_MS, undefined, { signal })) {
          const object = await read(of, signal);
          const text = reconcilerText(of.reconciler);
          if (isActive(of.reconciler.kind, object)) throw resumedMeanwhile(text);
          const busy = busyWith(of.reconciler.kind, object);
          if (busy === undefined) return;
          if (busy !== said) progress(`waiting for ${text}: ${busy}`);
          said = busy;
        }
      }
    },
  };
}

/** The field that is about to be overwritten; null where it is not there. */
function stateOf(kind: ReconcilerName['kind'], object: KubernetesObject): unknown {
  if (kind === 'argo-cd') return (object as Application).spec.syncPolicy?.automated ?? null;
  return (object as FluxObject).spec.suspend ?? null;
}

function suspendOperations(kind: ReconcilerName['kind'], object: KubernetesObject): PatchOperation[] {
  if (kind === 'argo-cd') {
    const path = '/spec/syncPolicy/automated';
    return [
      { op: 'test', path, value: stateOf(kind, object) },
      { op: 'remove', path },
    ];
  }
  const path = '/spec/suspend';
  const before = stateOf(kind, object);
  return [
    ...(before === null ? [] : [{ op: 'test', path, value: before } as const]),
    { op: 'add', path, value: true },
  ];
}

function resumedMeanwhile(text: string): RollbackError {
  return new RollbackError({
    code: 'RECONCILER_RESUMED',
    summary: `${text} reconciles again right after it was suspended`,
    detail: 'Somebody, or what declares it, has resumed it.',
    fix: 'Find out who declares it, and suspend that first.',
    retriable: true,
  });
}
