import type { Step } from '../../../../engine/step.ts';
import type { PodTemplate, Rollout } from '../../../../kubernetes/objects.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { heldFields, holdOperations, isHeldBy } from '../held.ts';
import { hasPace, takePace } from '../mode.ts';
import { currentRevision, sameTemplate } from '../read-view.ts';
import { untilTakenUp } from '../steps/serving-template.ts';
import {
  conflictOf,
  fenceOf,
  type WorkloadInput,
  workloadOf,
  writeWorkload,
} from '../steps/workload-step.ts';
import { abortRollout } from './abort-rollout.ts';

export interface UndoRolloutInput extends WorkloadInput {
  /** Revision that the template makes. */
  release: string;
  template: PodTemplate;
  /** Revisions that the Rollout may be set to before. */
  from: string[];
}

/**
 * Aborts what is being rolled out, then gives the Rollout the template of the revision, so that it is what its
 * controller wants from then on; it starts the pods and moves the traffic. Done once it has taken the template up.
 */
export function undoRollout(state: ClusterState): Step<UndoRolloutInput, null> {
  return {
    async observe(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      const { object } = view;
      const held = isHeldBy(object, context.runId);
      const isSet = sameTemplate(object.spec.template, input.template) && hasPace(object, 'followed');
      if (held && isSet && isTakenUp(object as Rollout)) return { state: 'done', output: null };
      const conflict = held ? conflictOf(view, context, [...input.from, input.release]) : undefined;
      return conflict ?? { state: 'pending', before: { revision: view.current ?? null } };
    },
    async apply(input, context) {
      const view = await state.view(workloadOf(input), context.signal);
      await writeWorkload(state, view, context, (object) =>
        isHeldBy(object, context.runId)
          ? undefined
          : holdOperations(object, fenceOf(context), heldFields({ workload: view.workload, object })),
      );
      if (view.current !== input.release) await abortRollout(state, view, context);
      await writeWorkload(state, view, context, (object) => {
        const { template } = object.spec;
        const known = currentRevision(object, view.revisions);
        if (known === undefined || ![...input.from, input.release].includes(known)) throw edited(input);
        return [
          { op: 'test', path: '/spec/template', value: template },
          { op: 'replace', path: '/spec/template', value: input.template },
          ...takePace(object, 'followed', 0),
        ];
      });
      const taken = await untilTakenUp(state, view, context);
      if (taken.current !== input.release) throw edited(input);
      return null;
    },
  };
}

function isTakenUp({ metadata, status }: Rollout): boolean {
  return Number(status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** Retriable, so that the next look finds the conflict and says it. */
function edited({ workload }: UndoRolloutInput): RollbackError {
  return new RollbackError({
    code: 'TEMPLATE_EDITED',
    summary: `Somebody gave ${workload} another template`,
    retriable: true,
  });
}
