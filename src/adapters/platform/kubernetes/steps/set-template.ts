import type { Step, StepContext } from '../../../../engine/step.ts';
import type { PodTemplate } from '../../../../kubernetes/objects.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { hasPace, isBeside, type Mode, takePace } from '../mode.ts';
import { currentRevision, revisionOfPod, sameTemplate } from '../read-view.ts';
import { abortRollout } from '../rollout/abort-rollout.ts';
import { isAlive, isInRotation } from '../rotation.ts';
import type { WorkloadView } from '../view.ts';
import { holdAvailability } from './hold-availability.ts';
import { isTakenUp, labelSets, unlabelledSets, unlabelSets, untilTakenUp } from './serving-template.ts';
import { conflictOf, type WorkloadInput, workloadOf, writeWorkload } from './workload-step.ts';

export interface SetTemplateInput extends WorkloadInput {
  /** Revision that the template makes. */
  release: string;
  template: PodTemplate;
  /** Revisions that the workload may be set to before. */
  from: string[];
  /** Pods to start at once beside those that run. */
  surge: number;
  /** How its pods are replaced. Default: `surge`. */
  mode?: Mode;
}

/**
 * Puts a pod template into the workload, whole, and takes the pace from the controller, so that it ends no pod by
 * itself; pods that replace old ones meanwhile are born serving. In mode `recreate` it ends all pods of other revisions now,
 * so none of them may be in rotation any more. In mode `delete` it sees that the controller takes the template for that
 * revision: `REVISION_NOT_TAKEN_UP` (final) where it makes another one of it.
 */
export function setTemplate(state: ClusterState): Step<SetTemplateInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const { mode = 'surge' } = input;
      const isSet = isWritten(view, input);
      if (isSet && isEffective(view, input)) return { state: 'done', output: null };
      // Whether its controller takes it for the revision that it is, `apply` waits for.
      if (isSet && mode === 'delete') return { state: 'pending', before: { revision: input.release } };
      const conflict = conflictOf(view, context, [...input.from, input.release]);
      if (conflict) return conflict;
      const serving = mode === 'recreate' ? othersInRotation(view, input.release) : [];
      if (serving.length > 0) return { state: 'conflict', why: `${serving.join(', ')} is in rotation.` };
      return { state: 'pending', before: { revision: view.current ?? null } };
    },
    async apply(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      if (view.current === undefined) throw notSeen(view.workload.name);
      // With the label it is not what the controller looks for, and it would make another.
      await unlabelSets(
        state,
        view.revisions.filter(({ id }) => id === input.release),
        context,
      );
      const { mode = 'surge' } = input;
      if (mode === 'surge') await holdAvailability(state, view, input.release, context);
      if (mode === 'paused') await abortRollout(state, view, context);
      if (mode === 'delete' && isWritten(view, input)) return takenUp(state, view, input, context);
      await writeWorkload(state, view, context, (object) => {
        const { template } = object.spec;
        const known = currentRevision(object, view.revisions);
        if (known === undefined || ![...input.from, input.release].includes(known)) {
          throw edited(view.workload.name);
        }
        return [
          { op: 'test', path: '/spec/template', value: template },
          { op: 'replace', path: '/spec/template', value: input.template },
          ...takePace(object, mode, input.surge),
        ];
      });
      if (mode === 'delete') return takenUp(state, view, input, context);
      if (!isBeside(mode)) return null;
      const taken = await untilTakenUp(state, view, context);
      if (taken.current !== input.release) throw edited(view.workload.name);
      await labelSets(state, unlabelledSets(taken, input.release), context);
      return null;
    },
  };
}

function isWritten({ object }: WorkloadView, { template, mode = 'surge' }: SetTemplateInput): boolean {
  return sameTemplate(object.spec.template, template) && hasPace(object, mode);
}

function isEffective(view: WorkloadView, { release, mode = 'surge' }: SetTemplateInput): boolean {
  if (mode === 'delete') return isTakenUp(view) && view.current === release;
  return !isBeside(mode) || unlabelledSets(view, release).length === 0;
}

/** Pods of another revision would never be the ones that the run waits for. */
async function takenUp(
  state: ClusterState,
  view: WorkloadView,
  { workload, release, template }: SetTemplateInput,
  context: StepContext,
): Promise<null> {
  const { current, object, revisions } = await untilTakenUp(state, view, context);
  if (current === release) return null;
  if (!sameTemplate(object.spec.template, template)) throw edited(view.workload.name);
  const both = revisions.filter(({ id }) => id === current || id === release);
  throw new RollbackError({
    code: 'REVISION_NOT_TAKEN_UP',
    summary: `The controller of ${workload} made revision ${current} of the target's template`,
    detail: `It should have taken up ${release}, whose data are not byte by byte what it makes of the same template.`,
    fix: `See both: kubectl get -n ${state.namespace} -o json controllerrevisions ${both.map((one) => one.object.name).join(' ')}`,
  });
}

function othersInRotation(view: WorkloadView, release: string): string[] {
  return view.pods
    .filter((pod) => isAlive(pod) && revisionOfPod(pod) !== release && isInRotation(view, pod))
    .map(({ metadata }) => metadata.name);
}

function notSeen(name: string): RollbackError {
  return new RollbackError({
    code: 'TEMPLATE_NOT_SEEN',
    summary: `The controller has not taken up the template of ${name} yet`,
    retriable: true,
  });
}

/** Retriable, so that the next look finds the conflict and says it. */
function edited(name: string): RollbackError {
  return new RollbackError({
    code: 'TEMPLATE_EDITED',
    summary: `Somebody gave ${name} another template`,
    retriable: true,
  });
}
