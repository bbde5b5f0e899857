import type { StepContext } from '../../../../engine/step.ts';
import { fencedWrite } from '../../../../kubernetes/fenced-write.ts';
import { HASH_LABEL, SERVING_LABEL } from '../../../../kubernetes/names.ts';
import type { Service } from '../../../../kubernetes/objects.ts';
import { pathOf, pointerPart } from '../../../../kubernetes/resource-paths.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldsBefore, type HeldService } from '../held.ts';
import { labelServing, SERVING } from './hold-traffic.ts';
import { untilLabelsSeen } from './labels-seen.ts';
import { eachOf, fenceOf, type WorkloadInput, workloadOf } from './workload-step.ts';

/**
 * Before the first pod comes or goes: Services that were held by the revision that served go over to the label of single
 * pods. Nothing changes for traffic. Does nothing where they select by it already, or all traffic goes over in one change.
 */
export async function sendByLabel(
  state: ClusterState,
  input: WorkloadInput,
  context: StepContext,
): Promise<void> {
  const { signal } = context;
  const view = await state.view(workloadOf(input), signal);
  const services = view.services.filter(isHeldByRevision);
  if (services.length === 0) return;
  // A pod that was born since serves like the others.
  const selectors = services.map(({ spec }) => spec.selector ?? {});
  await labelServing(state, selectors, context);
  await untilLabelsSeen(state, context);
  await eachOf(services, async (service) => {
    const written = await fencedWrite<Service>({
      cluster: state.cluster,
      path: pathOf('services', state.namespace, service.metadata.name),
      known: service,
      fence: fenceOf(context),
      signal,
      change: (now) =>
        isHeldByRevision(now)
          ? [
              { op: 'test', path: '/spec/selector', value: now.spec.selector },
              { op: 'remove', path: `/spec/selector/${pointerPart(HASH_LABEL)}` },
              { op: 'add', path: `/spec/selector/${pointerPart(SERVING_LABEL)}`, value: SERVING },
            ]
          : undefined,
    });
    state.saw('services', written);
  });
  await labelServing(state, selectors, context);
}

function isHeldByRevision(service: Service): boolean {
  return (
    service.spec.selector?.[HASH_LABEL] !== undefined && fieldsBefore<HeldService>(service)?.by === 'each'
  );
}
