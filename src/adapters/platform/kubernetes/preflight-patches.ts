import { SERVING_LABEL } from '../../../kubernetes/names.ts';
import { pointerPart } from '../../../kubernetes/resource-paths.ts';
import { takePace } from './mode.ts';
import type { OwnWorkload } from './own-facts.ts';
import type { PlannedPatch, TargetTemplate } from './preflight/input.ts';
import { resourceOf, type WorkloadView, workloadText } from './view.ts';

/** The changes of workloads and Services that a plan will send, for a dry run. */
export function patchesOf(
  views: WorkloadView[],
  targets: TargetTemplate[],
  own: Pick<OwnWorkload, 'workload' | 'mode'>[],
): PlannedPatch[] {
  return views.flatMap((view) => {
    const { workload, object, services } = view;
    const target = targets.find((one) => workloadText(one.workload) === workloadText(workload));
    const mode = own.find((one) => one.workload === workloadText(workload))?.mode;
    if (!target || !mode) return [];
    const template: PlannedPatch = {
      resource: resourceOf(workload.kind),
      name: workload.name,
      operations: [
        { op: 'test', path: '/metadata/uid', value: object.metadata.uid },
        { op: 'replace', path: '/spec/template', value: target.template },
        ...takePace(object, mode, 1),
      ],
    };
    // A Rollout that moves its own traffic has its controller write them.
    const selectors = (mode === 'followed' ? [] : services).map(
      ({ metadata }): PlannedPatch => ({
        resource: 'services',
        name: metadata.name,
        operations: [
          { op: 'test', path: '/metadata/uid', value: metadata.uid },
          { op: 'add', path: `/spec/selector/${pointerPart(SERVING_LABEL)}`, value: 'true' },
        ],
      }),
    );
    return [template, ...selectors];
  });
}
