import type { Observation, Step } from '../../../../engine/step.ts';
import type { Cluster, PatchOperation } from '../../../../kubernetes/cluster.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import type { KubernetesObject } from '../../../../kubernetes/objects.ts';
import { type DesiredInput, desiredState } from './desired-state.ts';
import { type ReconcilerName, reconcilerText } from './owner.ts';
import { type Application, isActive, reconcilerPath } from './reconciler-object.ts';
import { SUSPENDED_ANNOTATION, SUSPENDED_POINTER, type Suspension, suspensionOf } from './suspension.ts';

export type ResumeInput = DesiredInput;

export interface ResumeOutput {
  resumed: boolean;
  /** Why, a sentence for the record. */
  why: string;
  /** How to resume it by hand; undefined where it reconciles. */
  fix?: string;
}

/**
 * Resumes what the product suspended, once what it declares is the restored release; else it stays suspended, and its
 * annotation says so. What somebody else suspended is left alone.
 */
export function resumeReconciler(cluster: Cluster): Step<ResumeInput, ResumeOutput> {
  return {
    async observe({ reconciler }, { signal }): Promise<Observation<ResumeOutput>> {
      const path = await reconcilerPath(cluster, reconciler, signal);
      const object = await cluster.get<KubernetesObject>(path, { signal });
      const suspension = suspensionOf(object);
      if (suspension) return { state: 'pending', before: suspension };
      const text = reconcilerText(reconciler);
      const active = isActive(reconciler.kind, object);
      const why = active ? `${text} reconciles.` : `${text} was suspended by somebody else, and stays so.`;
      return { state: 'done', output: { resumed: active, why } };
    },
    async apply(input, context) {
      const { reconciler } = input;
      const { signal, runId, epoch } = context;
      const desired = await desiredState(cluster, input, context);
      const resumes = desired.state === 'restored';
      const write = (change: (object: KubernetesObject) => PatchOperation[] | undefined, path: string) =>
        fencedWrite({ cluster, path, fence: { runId, epoch }, change, last: true, signal });
      await write(
        (object) => {
          const suspension = suspensionOf(object);
          const known = object.metadata.annotations?.[SUSPENDED_ANNOTATION];
          if (suspension === undefined || known === undefined) return undefined;
          const test: PatchOperation = { op: 'test', path: SUSPENDED_POINTER, value: known };
          // Somebody resumed it by hand: what is left is the annotation.
          if (isActive(reconciler.kind, object)) return [test, { op: 'remove', path: SUSPENDED_POINTER }];
          if (!resumes) {
            const left: Suspension = { ...suspension, left: desired.why };
            return [test, { op: 'replace', path: SUSPENDED_POINTER, value: JSON.stringify(left) }];
          }
          const back = resumeOperations(object, suspension);
          return [test, ...back, { op: 'remove', path: SUSPENDED_POINTER }];
        },
        await reconcilerPath(cluster, reconciler, signal),
      );
      if (resumes) return { resumed: true, why: desired.why };
      return { resumed: false, why: desired.why, fix: byHand(reconciler) };
    },
  };
}

/** Of an Argo CD application: only such a one tells while it is suspended. */
function resumeOperations(object: KubernetesObject, { before }: Suspension): PatchOperation[] {
  if ((object as Application).spec.syncPolicy)
    return [{ op: 'add', path: '/spec/syncPolicy/automated', value: before }];
  return [{ op: 'add', path: '/spec/syncPolicy', value: { automated: before } }];
}

/** How a person resumes it. */
export function byHand({ kind, namespace, name }: ReconcilerName): string {
  const clean = `kubectl annotate -n ${namespace} ${SUSPENDED_ANNOTATION}-`;
  if (kind === 'argo-cd') {
    return `Put the restored release into git, then: argocd app set ${name} --sync-policy automated && ${clean} application/${name}`;
  }
  const [word, resource] =
    kind === 'flux-kustomization' ? ['kustomization', 'kustomization'] : ['helmrelease', 'helmrelease'];
  return `Put the restored release into git, then: flux resume ${word} ${name} -n ${namespace} && ${clean} ${resource}/${name}`;
}
