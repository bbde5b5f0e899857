import type { StepContext } from '../../../../engine/step.ts';
import { HELD_LABEL } from '../../../../kubernetes/names.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { WorkloadView } from '../view.ts';

/**
 * The controller of EndpointSlices learns of pods and of Services by two watches, in no order: a selector that it knows
 * before the labels would leave the Service without endpoints for a moment, which a node's proxy then keeps for its sync
 * period. Nothing that it writes tells what it has seen of pods' labels, so it is given this time, ms.
 */
const LABELS_SEEN_MS = 500;

const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const CONTROLLER = 'endpointslice-controller.k8s.io';

/** When this process last labelled a pod, by monotonic clock. */
const labelledAt = new WeakMap<ClusterState, number>();

/** To be called once labels that a selector is to rest on were written. */
export function labelsWritten(state: ClusterState, { clock }: StepContext): void {
  labelledAt.set(state, clock.monotonic());
}

/** Waits for what is left of the time in which the controller learns of them; all of it where another process wrote them. */
export async function untilLabelsSeen(state: ClusterState, { clock, signal }: StepContext): Promise<void> {
  const at = labelledAt.get(state);
  const leftMs = at === undefined ? LABELS_SEEN_MS : LABELS_SEEN_MS - (clock.monotonic() - at);
  if (leftMs > 0) await clock.sleep(leftMs, signal);
}

/**
 * Waits until the controller has seen the Services as they are now that they were let go: it copies their labels to their
 * EndpointSlices, so the one that says that a run holds them is gone there, too.
 * @param before the view from before they were let go
 */
export async function untilSelectorsSeen(
  state: ClusterState,
  before: WorkloadView,
  { clock, signal }: StepContext,
): Promise<void> {
  // Somebody else's controller may copy none.
  if (!isCarried(before)) return clock.sleep(LABELS_SEEN_MS, signal);
  while (isCarried(await state.view(before.workload, signal))) await state.change(200, signal);
}

function isCarried({ slices }: WorkloadView): boolean {
  return slices.some(
    ({ metadata: { labels } }) => labels?.[MANAGED_BY] === CONTROLLER && labels[HELD_LABEL] !== undefined,
  );
}
