import type { Step } from '../../../../engine/step.ts';
import { RollbackError } from '../../../../model/error.ts';
import type { ClusterState } from '../cluster-state.ts';
import { type WorkloadInput, workloadOf } from './workload-step.ts';

export interface CheckTemplateInput extends WorkloadInput {
  /** Revision that the workload shall be set to. */
  release: string;
}

/** Sees that the workload's own template is the one that was put back; nobody is to change it behind the run. */
export function checkTemplate(state: ClusterState): Step<CheckTemplateInput, null> {
  return {
    async observe(input, context) {
      const { current } = await state.view(workloadOf(input), context.signal);
      if (current === input.release) return { state: 'done', output: null };
      if (current === undefined) return { state: 'pending', before: null };
      return {
        otherwise: true,
        state: 'conflict',
        why: `Somebody gave ${input.workload} another template (revision ${current}).`,
      };
    },
    async apply(input) {
      throw new RollbackError({
        code: 'TEMPLATE_NOT_SEEN',
        summary: `The controller has not taken up the template of ${input.workload} yet`,
        retriable: true,
      });
    },
  };
}
